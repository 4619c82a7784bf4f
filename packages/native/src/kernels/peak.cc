// The machine's peaks, by loops that do nothing else. Plain C++ with the compiler's vector types and OpenMP.
#include "peak.h"

#include "compiler.h"

#include <omp.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace {

#if defined(__AVX512F__)
constexpr std::size_t kVectorBytes = 64;
#elif defined(__AVX__)
constexpr std::size_t kVectorBytes = 32;
#else
constexpr std::size_t kVectorBytes = 16;
#endif
constexpr std::size_t kLanes = kVectorBytes / sizeof(float);
typedef float Vector __attribute__((vector_size(kVectorBytes)));
typedef std::uint64_t Words __attribute__((vector_size(kVectorBytes)));

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Twelve chains keep two FMA units of latency four to five busy, and fit sixteen vector registers with both operands.
constexpr int kChains = 12;
constexpr int kRounds = 20000;  // per timed slice: about 0.1 ms

double fma_slice(Vector (&chains)[kChains], Vector factor, Vector term) {
  Vector c0 = chains[0], c1 = chains[1], c2 = chains[2], c3 = chains[3], c4 = chains[4], c5 = chains[5];
  Vector c6 = chains[6], c7 = chains[7], c8 = chains[8], c9 = chains[9], c10 = chains[10], c11 = chains[11];
  const auto start = Clock::now();
  for (int i = 0; i < kRounds; ++i) {
    c0 = c0 * factor + term;
    c1 = c1 * factor + term;
    c2 = c2 * factor + term;
    c3 = c3 * factor + term;
    c4 = c4 * factor + term;
    c5 = c5 * factor + term;
    c6 = c6 * factor + term;
    c7 = c7 * factor + term;
    c8 = c8 * factor + term;
    c9 = c9 * factor + term;
    c10 = c10 * factor + term;
    c11 = c11 * factor + term;
  }
  const double elapsed = seconds_since(start);
  const Vector results[kChains] = {c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11};
  std::copy(results, results + kChains, chains);
  return elapsed;
}

}  // namespace

double tsumugi_fma_peak(int threads, double seconds) {
  double total = 0;
  volatile float sink = 0;
#pragma omp parallel num_threads(threads) reduction(+ : total)
  {
    // The values converge to 1; the compiler must not know the operands.
    volatile float half = 0.5f;
    const Vector factor = Vector{} + half, term = Vector{} + half;
    Vector chains[kChains];
    for (int k = 0; k < kChains; ++k) chains[k] = Vector{} + static_cast<float>(k);
    std::vector<double> slices;
#pragma omp barrier
    const auto start = Clock::now();
    while (seconds_since(start) < seconds || slices.empty()) slices.push_back(fma_slice(chains, factor, term));
    // The lower tenth: slices in which other work took the core away do not count, nor does a clock's rare short tick.
    std::sort(slices.begin(), slices.end());
    total += 2.0 * kLanes * kChains * kRounds / slices[slices.size() / 10] / 1e9;
    Vector sum{};
    for (const Vector& chain : chains) sum += chain;
    sink = sum[0];
  }
  (void)sink;
  return total;
}

double tsumugi_memory_bandwidth(int threads, std::size_t bytes) {
  constexpr std::size_t kBlock = 8 * kVectorBytes;
  const std::size_t blocks = bytes / kBlock;
  // On huge pages where possible, as the allocator's large blocks are: walking 4 KiB pages costs some of the rate.
  constexpr std::size_t kHugePage = std::size_t{1} << 21;
  const std::size_t length = (blocks * kBlock + kHugePage - 1) / kHugePage * kHugePage;
  auto* memory = static_cast<Words*>(std::aligned_alloc(kHugePage, length));
#if defined(MADV_HUGEPAGE)
  if (memory != nullptr) madvise(memory, length, MADV_HUGEPAGE);
#endif
  if (memory == nullptr || blocks == 0) {
    std::free(memory);
    return 0;
  }
  // Each thread touches first what it reads later, so that the pages lie near it.
#pragma omp parallel for num_threads(threads) schedule(static)
  for (std::size_t b = 0; b < blocks; ++b) {
    for (int k = 0; k < 8; ++k) memory[8 * b + k] = Words{} + b;
  }

  double best = 0;
  volatile std::uint64_t sink = 0;
  const auto start = Clock::now();
  for (int pass = 0; pass < 3 || (pass < 50 && seconds_since(start) < 0.3); ++pass) {
    std::uint64_t total = 0;
    const auto begin = Clock::now();
#pragma omp parallel num_threads(threads) reduction(+ : total)
    {
      Words s0{}, s1{}, s2{}, s3{}, s4{}, s5{}, s6{}, s7{};
#pragma omp for schedule(static)
      for (std::size_t b = 0; b < blocks; ++b) {
        const Words* block = memory + 8 * b;
        s0 += block[0];
        s1 += block[1];
        s2 += block[2];
        s3 += block[3];
        s4 += block[4];
        s5 += block[5];
        s6 += block[6];
        s7 += block[7];
      }
      const Words sum = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7;
      for (std::size_t lane = 0; lane < kVectorBytes / sizeof(std::uint64_t); ++lane) total += sum[lane];
    }
    best = std::max(best, static_cast<double>(blocks * kBlock) / seconds_since(begin) / 1e9);
    sink = total;
  }
  (void)sink;
  std::free(memory);
  return best;
}
