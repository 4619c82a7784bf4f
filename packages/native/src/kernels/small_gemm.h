// Products of small matrices of any size: BLAS packs its operands, which for networks of a few thousand weights takes as long as
// multiplying them.
#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

#include "tile_gemm.h"
#include "tile_transpose.h"

namespace tsumugi {

/// Up to so many bytes the right operand stays in the second cache while all rows of the left one go by.
constexpr int64_t small_operand = 160 * 1024;

/// c [rows, columns] = a · b, or aᵀ · b: a is [rows, depth], or when transposed [depth, rows]; b is [depth, columns]. Rows lie `ld…`
/// apart. An element is one sum in the order of the depth.
template <typename T, bool transposed>
void small_gemm(int64_t rows, int64_t columns, int64_t depth, const T* a, int64_t lda, const T* b, int64_t ldb, T* c,
                int64_t ldc) {
  constexpr int width = Register<T>::width;
  const int64_t whole = columns / width * width, rest = columns - whole;
  // The last columns, which fill no register, with zeros beside them.
  std::vector<T> tail(static_cast<size_t>(rest ? depth * width : 0), T(0));
  for (int64_t k = 0; rest && k < depth; k++) std::memcpy(&tail[k * width], b + k * ldb + whole, rest * sizeof(T));
  for (int64_t row = 0; row < rows; row += tile_rows) {
    const int count = static_cast<int>(std::min<int64_t>(tile_rows, rows - row));
    const T* left = a + (transposed ? row : row * lda);
    T* out = c + row * ldc;
    gemm_rows<T, transposed, false>(count, whole, depth, left, lda, b, ldb, out, ldc);
    if (rest == 0) continue;
    T last[tile_rows * width];
    gemm_rows<T, transposed, false>(count, width, depth, left, lda, tail.data(), width, last, width);
    for (int i = 0; i < count; i++) std::memcpy(out + i * ldc + whole, last + i * width, rest * sizeof(T));
  }
}

}  // namespace tsumugi
