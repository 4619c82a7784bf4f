// x·Wᵀ for a few rows of x, where W is read once for all of them. What a row gives is the same bits whatever other rows stand beside
// it: an element is one sum along the depth, lane by lane and then over the lanes, in an order that depends on the depth alone.
#pragma once
#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "tile_gemm.h"

namespace tsumugi {

// A tile of outputs × rows of sums stays in registers: 24 of 32, or 12 of 16.
constexpr int linear_outputs = vector_bytes == 64 ? 6 : 4;
constexpr int linear_rows = vector_bytes == 64 ? 4 : 3;
// Elements of the depth that are taken at a time, so that those of a tile stay in the first cache while all rows use them.
constexpr int64_t depth_block = 512;

template <typename T>
struct RowsLinear {
  int64_t rows, depth, outputs;
  const T *x, *weight;
  int64_t x_stride, weight_stride;
  T* y;  // [rows, outputs]
};

/// The sum of a vector's lanes: halves are added until two are left.
template <typename T, int width>
struct LaneSum {
  typedef T Vector __attribute__((vector_size(width * sizeof(T))));
  template <int... lane>
  static T add_halves(const Vector& v, std::integer_sequence<int, lane...>) {
    return LaneSum<T, width / 2>::of(__builtin_shufflevector(v, v, lane...) +
                                     __builtin_shufflevector(v, v, (lane + width / 2)...));
  }
  static T of(const Vector& v) { return add_halves(v, std::make_integer_sequence<int, width / 2>()); }
};
template <typename T>
struct LaneSum<T, 2> {
  typedef T Vector __attribute__((vector_size(2 * sizeof(T))));
  static T of(const Vector& v) { return v[0] + v[1]; }
};

template <typename T, int outputs, int rows>
struct LinearTile {
  using Vector = typename Register<T>::type;
  static constexpr int width = Register<T>::width;

  /// Goes on with the sums [outputs, rows] over whole vectors of the depth.
  static void add(const RowsLinear<T>& of, int64_t output, int64_t row, int64_t begin, int64_t end, Vector* sums) {
    const T* w[outputs];
    const T* x[rows];
    Vector sum[outputs][rows];
#pragma GCC unroll 8
    for (int i = 0; i < outputs; i++) w[i] = of.weight + (output + i) * of.weight_stride;
#pragma GCC unroll 8
    for (int j = 0; j < rows; j++) x[j] = of.x + (row + j) * of.x_stride;
#pragma GCC unroll 8
    for (int i = 0; i < outputs; i++)
#pragma GCC unroll 8
      for (int j = 0; j < rows; j++) sum[i][j] = sums[i * rows + j];
    for (int64_t k = begin; k < end; k += width) {
      Vector right[rows];
#pragma GCC unroll 8
      for (int j = 0; j < rows; j++) right[j] = *reinterpret_cast<const Vector*>(x[j] + k);
#pragma GCC unroll 8
      for (int i = 0; i < outputs; i++) {
        const Vector left = *reinterpret_cast<const Vector*>(w[i] + k);
#pragma GCC unroll 8
        for (int j = 0; j < rows; j++) sum[i][j] += left * right[j];
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < outputs; i++)
#pragma GCC unroll 8
      for (int j = 0; j < rows; j++) sums[i * rows + j] = sum[i][j];
  }

  /// Takes in what is left of the depth, and writes the sums of all lanes.
  static void finish(const RowsLinear<T>& of, int64_t output, int64_t row, int64_t begin, const Vector* sums) {
    const size_t rest = static_cast<size_t>(of.depth - begin) * sizeof(T);
    for (int j = 0; j < rows; j++) {
      Vector right{};
      if (rest > 0) std::memcpy(&right, of.x + (row + j) * of.x_stride + begin, rest);
      for (int i = 0; i < outputs; i++) {
        Vector sum = sums[i * rows + j];
        if (rest > 0) {
          Vector left{};
          std::memcpy(&left, of.weight + (output + i) * of.weight_stride + begin, rest);
          sum += left * right;
        }
        of.y[(row + j) * of.outputs + output + i] = LaneSum<T, width>::of(sum);
      }
    }
  }
};

/// `count` outputs of every row. `memory` holds their sums while the depth is walked through.
template <typename T, int outputs>
void linear_strip(const RowsLinear<T>& of, int64_t output, typename Register<T>::type* memory) {
  constexpr int width = Register<T>::width;
  const int64_t whole = of.depth / width * width;
  const auto for_rows = [&](auto&& body) {
    int64_t row = 0;
    for (; row + linear_rows <= of.rows; row += linear_rows) body(std::integral_constant<int, linear_rows>(), row);
    switch (of.rows - row) {
      case 3: return body(std::integral_constant<int, 3>(), row);
      case 2: return body(std::integral_constant<int, 2>(), row);
      case 1: return body(std::integral_constant<int, 1>(), row);
    }
  };
  std::fill(memory, memory + outputs * of.rows, typename Register<T>::type{});
  for (int64_t k = 0; k < whole; k += depth_block)
    for_rows([&](auto count, int64_t row) {
      LinearTile<T, outputs, count.value>::add(of, output, row, k, std::min(whole, k + depth_block),
                                               memory + row * outputs);
    });
  for_rows([&](auto count, int64_t row) {
    LinearTile<T, outputs, count.value>::finish(of, output, row, whole, memory + row * outputs);
  });
}

/// Outputs `begin` to `end` of every row. `memory` has room for linear_outputs · rows registers.
template <typename T>
void linear_strips(const RowsLinear<T>& of, int64_t begin, int64_t end, typename Register<T>::type* memory) {
  int64_t output = begin;
  for (; output + linear_outputs <= end; output += linear_outputs) linear_strip<T, linear_outputs>(of, output, memory);
  for (; output < end; output++) linear_strip<T, 1>(of, output, memory);
}

}  // namespace tsumugi
