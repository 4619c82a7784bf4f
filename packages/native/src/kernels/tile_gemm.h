// Products of small matrices that stay in the caches, for kernels that would lose their time in a BLAS call's packing.
// The right operand and the result have rows of whole vectors; registers hold a tile of the result over the whole depth.
#pragma once
#include <cstdint>

namespace tsumugi {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif

/// One register of T; loads and stores need T's alignment only.
template <typename T>
struct Register {
  typedef T type __attribute__((vector_size(vector_bytes), aligned(alignof(T)), may_alias));
  static constexpr int width = vector_bytes / sizeof(T);
};

/// The size of a row that holds `size` elements in whole registers.
template <typename T>
constexpr int64_t padded(int64_t size) {
  constexpr int64_t width = Register<T>::width;
  return (size + width - 1) / width * width;
}

// A tile of 6 rows by 4 registers (6 by 2 where there are 16 registers) leaves room for the operands.
constexpr int tile_rows = 6;
constexpr int tile_registers = vector_bytes == 64 ? 4 : 2;

template <typename T, bool transposed, bool accumulate, int rows, int registers>
inline void gemm_tile(int64_t depth, const T* a, int64_t lda, const T* b, int64_t ldb, T* c, int64_t ldc) {
  using Vector = typename Register<T>::type;
  constexpr int width = Register<T>::width;
  Vector sum[rows][registers];
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
    for (int j = 0; j < registers; j++)
      sum[i][j] = accumulate ? *reinterpret_cast<const Vector*>(c + i * ldc + j * width) : Vector{};
  for (int64_t k = 0; k < depth; k++) {
    Vector right[registers];
#pragma GCC unroll 8
    for (int j = 0; j < registers; j++) right[j] = *reinterpret_cast<const Vector*>(b + k * ldb + j * width);
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
      const T left = transposed ? a[k * lda + i] : a[i * lda + k];
#pragma GCC unroll 8
      for (int j = 0; j < registers; j++) sum[i][j] += left * right[j];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
    for (int j = 0; j < registers; j++) *reinterpret_cast<Vector*>(c + i * ldc + j * width) = sum[i][j];
}

template <typename T, bool transposed, bool accumulate, int rows>
inline void gemm_row_group(int64_t columns, int64_t depth, const T* a, int64_t lda, const T* b, int64_t ldb, T* c,
                           int64_t ldc) {
  constexpr int width = Register<T>::width;
  int64_t j = 0;
  for (; j + tile_registers * width <= columns; j += tile_registers * width)
    gemm_tile<T, transposed, accumulate, rows, tile_registers>(depth, a, lda, b + j, ldb, c + j, ldc);
  for (; tile_registers > 2 && j + 2 * width <= columns; j += 2 * width)
    gemm_tile<T, transposed, accumulate, rows, 2>(depth, a, lda, b + j, ldb, c + j, ldc);
  for (; j < columns; j += width)
    gemm_tile<T, transposed, accumulate, rows, 1>(depth, a, lda, b + j, ldb, c + j, ldc);
}

/// c [rows, columns] = a·b, or c += a·b. `a` is [rows, depth] with row stride lda, or when transposed [depth, rows];
/// b is [depth, columns]. `columns` is a multiple of the register width; rows ≤ tile_rows.
template <typename T, bool transposed, bool accumulate>
inline void gemm_rows(int rows, int64_t columns, int64_t depth, const T* a, int64_t lda, const T* b, int64_t ldb, T* c,
                      int64_t ldc) {
  switch (rows) {
    case 6: return gemm_row_group<T, transposed, accumulate, 6>(columns, depth, a, lda, b, ldb, c, ldc);
    case 5: return gemm_row_group<T, transposed, accumulate, 5>(columns, depth, a, lda, b, ldb, c, ldc);
    case 4: return gemm_row_group<T, transposed, accumulate, 4>(columns, depth, a, lda, b, ldb, c, ldc);
    case 3: return gemm_row_group<T, transposed, accumulate, 3>(columns, depth, a, lda, b, ldb, c, ldc);
    case 2: return gemm_row_group<T, transposed, accumulate, 2>(columns, depth, a, lda, b, ldb, c, ldc);
    case 1: return gemm_row_group<T, transposed, accumulate, 1>(columns, depth, a, lda, b, ldb, c, ldc);
  }
}

}  // namespace tsumugi
