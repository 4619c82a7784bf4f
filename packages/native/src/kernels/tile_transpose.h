// Transposes small matrices in registers: element by element it would cost as much as multiplying them.
#pragma once
#include <cstdint>
#include <utility>

#include "tile_gemm.h"

namespace tsumugi {

/// One of the two registers that exchanging blocks of `step` lanes between rows a and b leaves: the lower takes a's even
/// blocks and b's even blocks, the upper a's odd blocks and b's odd blocks.
template <typename T, int step, bool upper, typename Vector, size_t... lane>
inline Vector exchange(Vector a, Vector b, std::index_sequence<lane...>) {
  constexpr int width = sizeof...(lane);
  return __builtin_shufflevector(
      a, b, ((lane & step) ? (upper ? width + lane : width + lane - step) : (upper ? lane + step : lane))...);
}

template <typename T, int step, typename Vector>
inline void exchange_rows(Vector* rows) {
  constexpr int width = Register<T>::width;
  if constexpr (step < width) {
    using Lanes = std::make_index_sequence<width>;
#pragma GCC unroll 16
    for (int i = 0; i < width; i++) {
      if (i & step) continue;
      const Vector a = rows[i], b = rows[i + step];
      rows[i] = exchange<T, step, false>(a, b, Lanes{});
      rows[i + step] = exchange<T, step, true>(a, b, Lanes{});
    }
    exchange_rows<T, 2 * step>(rows);
  }
}

/// out [columns, rows] = inᵀ, in [rows, columns].
template <typename T>
inline void transpose(const T* in, int64_t ld_in, int64_t rows, int64_t columns, T* out, int64_t ld_out) {
  using Vector = typename Register<T>::type;
  constexpr int width = Register<T>::width;
  const int64_t whole_rows = rows / width * width, whole_columns = columns / width * width;
  for (int64_t i = 0; i < whole_rows; i += width)
    for (int64_t j = 0; j < whole_columns; j += width) {
      Vector tile[width];
#pragma GCC unroll 16
      for (int r = 0; r < width; r++) tile[r] = *reinterpret_cast<const Vector*>(in + (i + r) * ld_in + j);
      exchange_rows<T, 1>(tile);
#pragma GCC unroll 16
      for (int r = 0; r < width; r++) *reinterpret_cast<Vector*>(out + (j + r) * ld_out + i) = tile[r];
    }
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = i < whole_rows ? whole_columns : 0; j < columns; j++) out[j * ld_out + i] = in[i * ld_in + j];
}

}  // namespace tsumugi
