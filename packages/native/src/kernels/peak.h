// What the machine itself can do, measured: the yardsticks other numbers are held against.
#pragma once
#include <cstddef>

/// The f32 fused-multiply-add rate of `threads` threads together, in GFLOP/s (an FMA counts as two), with vectors of the
/// width this file is compiled for. Measured for about `seconds`.
double tsumugi_fma_peak(int threads, double seconds);

/// The rate at which `threads` threads together read `bytes` of memory in order, in GB/s (10^9 bytes): the best of
/// several passes, after one that touches every page. 0 when the memory cannot be had.
double tsumugi_memory_bandwidth(int threads, std::size_t bytes);
