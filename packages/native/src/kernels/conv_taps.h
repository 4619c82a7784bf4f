// The sums of a short depthwise convolution, over rows of channels.
#pragma once
#include <algorithm>
#include <cstdint>

namespace tsumugi {

constexpr int64_t max_taps = 16;

/// sum[c] += a[c]·b[c]
template <typename T>
void add_product(const T* a, const T* b, T* sum, int64_t n) {
#pragma omp simd
  for (int64_t c = 0; c < n; c++) sum[c] += a[c] * b[c];
}

/// out[c] = Σ_j taps[j, c]·rows[j][c] for n channels; taps lie `stride` apart.
template <typename T>
void weighted_rows(int64_t k, const T* const* rows, const T* taps, int64_t stride, int64_t n, T* out) {
  if (k == 4) {
    const T *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3];
    const T *w0 = taps, *w1 = w0 + stride, *w2 = w1 + stride, *w3 = w2 + stride;
#pragma omp simd
    for (int64_t c = 0; c < n; c++) out[c] = w0[c] * r0[c] + w1[c] * r1[c] + w2[c] * r2[c] + w3[c] * r3[c];
    return;
  }
  std::fill(out, out + n, T(0));
  for (int64_t j = 0; j < k; j++) add_product(taps + j * stride, rows[j], out, n);
}

}  // namespace tsumugi
