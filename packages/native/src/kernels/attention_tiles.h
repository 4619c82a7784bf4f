// The arithmetic of causal, windowed, grouped-query attention on plain memory, one block of queries at a time.
//
//   q [B,T,H,d]  k, v [B,S,K,d]   group G = H/K query heads share a key/value head
//   a block's rows are (query, head of the group) pairs, heads fastest; query t sees the keys low[t] ≤ j < high(t)
//
// Both ends of a query's range never decrease along t, so a tile of rows × keys is skipped, whole, or cut at an edge by
// looking at its first and last query. Windows, documents and causality are all expressed by these ranges.
// Forward: online softmax (Milakov and Gimelshein, arXiv 1805.02867); backward: recomputed from the log-sum-exp (Dao et al.,
// arXiv 2205.14135). Scores are kept in units of log 2, so that the exponential is a power of two.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "tile_gemm.h"
#include "tile_transpose.h"
#include "vector_math.h"

namespace tsumugi::attention {

constexpr int64_t keys_per_tile = 64;
// Where the keys of few queries are shared out, a piece has this many tiles.
constexpr int64_t tiles_per_split = 4;
// A thread's share of keys, in elements: for less, waking it costs more than it gains.
constexpr int64_t serial_elements = 1 << 16;
constexpr double log2_e = 1.4426950408889634074;
constexpr double ln_2 = 0.6931471805599453094;

/// A tensor [batch, position, head, d] whose last dimension is dense.
template <typename T>
struct View {
  T* data;
  int64_t batch, position, head;  // strides, in elements
  T* row(int64_t b, int64_t t, int64_t h) const { return data + b * batch + t * position + h * head; }
};

struct Shape {
  int64_t batch, queries, keys, heads, key_heads, dim;
  /// Query t stands at key position t + offset, which may lie behind the last key.
  int64_t offset = 0;
  int64_t group() const { return heads / key_heads; }
};

/// Which keys query t of one sequence sees: low[t] ≤ j < high(t).
struct Ranges {
  const int64_t* low;
  int64_t offset;
  int64_t keys = std::numeric_limits<int64_t>::max();
  int64_t high(int64_t t) const { return std::min(t + offset + 1, keys); }
  bool has_keys(int64_t t) const { return low[t] < high(t); }
};

/// Keys or values of one head, copied for the tiles: `dense` [keys, dp], and/or `across`, tiles of [dp, keys_per_tile].
/// Columns beyond dim and keys beyond the last are zero.
template <typename T>
void pack_tile(const T* source, int64_t stride, int64_t count, int64_t dim, T* dense, T* across) {
  const int64_t dp = padded<T>(dim);
  if (dense) {
    for (int64_t n = 0; n < keys_per_tile; n++) {
      T* row = dense + n * dp;
      if (n < count) std::copy(source + n * stride, source + n * stride + dim, row);
      std::fill(row + (n < count ? dim : 0), row + dp, T(0));
    }
  }
  if (across) {
    if (count < keys_per_tile || dim < dp) std::fill(across, across + dp * keys_per_tile, T(0));
    transpose(source, stride, count, dim, across, keys_per_tile);
  }
}

/// The columns of a tile that some row of a row group sees, in whole registers, and whether every row sees all.
struct Span {
  int64_t begin, end;  // columns; begin ≥ end: none
  bool whole;
};
template <typename T>
Span span_of(const Ranges& ranges, int64_t first_query, int64_t last_query, int64_t first_key) {
  constexpr int64_t width = Register<T>::width;
  const int64_t begin = std::max<int64_t>(ranges.low[first_query] - first_key, 0);
  const int64_t end = std::min(ranges.high(last_query) - first_key, keys_per_tile);
  if (begin >= end) return {0, 0, false};
  const bool whole =
      ranges.low[last_query] <= first_key && ranges.high(first_query) - first_key >= keys_per_tile;
  return {begin / width * width, (end + width - 1) / width * width, whole};
}

/// Fills what a query does not see of the columns [span.begin, span.end) of its row.
template <typename T>
void mask_row(T* row, const Span& span, const Ranges& ranges, int64_t query, int64_t first_key, T value) {
  const int64_t low = std::clamp(ranges.low[query] - first_key, span.begin, span.end);
  const int64_t high = std::clamp(ranges.high(query) - first_key, low, span.end);
  std::fill(row + span.begin, row + low, value);
  std::fill(row + high, row + span.end, value);
}

/// One head's query block as dense rows [rows, dp], times `factor`.
template <typename T>
void gather_rows(const View<const T>& from, const Shape& shape, int64_t b, int64_t key_head, int64_t t0, int64_t t1, T factor,
                 T* rows) {
  const int64_t group = shape.group(), dim = shape.dim, dp = padded<T>(dim);
  for (int64_t t = t0; t < t1; t++) {
    for (int64_t g = 0; g < group; g++, rows += dp) {
      const T* source = from.row(b, t, key_head * group + g);
#pragma omp simd
      for (int64_t e = 0; e < dim; e++) rows[e] = source[e] * factor;
      std::fill(rows + dim, rows + dp, T(0));
    }
  }
}

/// The largest of `count` values; count is a multiple of the register width.
template <typename T>
inline T row_maximum(const T* row, int64_t count) {
  using Vector = typename Register<T>::type;
  constexpr int width = Register<T>::width;
  Vector peak = *reinterpret_cast<const Vector*>(row);
  for (int64_t j = width; j < count; j += width) {
    const Vector x = *reinterpret_cast<const Vector*>(row + j);
    peak = x > peak ? x : peak;
  }
  // Halving keeps the comparisons in registers until four values are left.
  typedef T Quarter __attribute__((vector_size(16)));
  constexpr int lanes = 16 / sizeof(T);
  Quarter parts[width / lanes];
  std::memcpy(parts, &peak, sizeof peak);
  for (int step = width / lanes / 2; step > 0; step /= 2)
    for (int i = 0; i < step; i++) parts[i] = parts[i] > parts[i + step] ? parts[i] : parts[i + step];
  T result = parts[0][0];
  for (int i = 1; i < lanes; i++) result = parts[0][i] > result ? parts[0][i] : result;
  return result;
}

/// What a block of queries has gathered from the keys so far: per row the maximum score, the sum of the weights (one per
/// lane, to be added up at the end) and the weighted sum of the values. One thread's memory.
template <typename T>
struct Running {
  int64_t t0, rows;
  T *query, *out, *sums, *maximum, *tile;

  static int64_t size(int64_t rows, int64_t dp) {
    return rows * (2 * dp + Register<T>::width + 1) + tile_rows * keys_per_tile + 64;
  }
  Running(T* memory, int64_t first_query, int64_t num_rows, int64_t dp) : t0(first_query), rows(num_rows) {
    query = memory;
    out = query + rows * dp;
    sums = out + rows * dp;
    tile = sums + rows * Register<T>::width;
    maximum = tile + tile_rows * keys_per_tile;
    std::fill(out, tile, T(0));
    std::fill(maximum, maximum + rows, -std::numeric_limits<T>::infinity());
  }
  T sum(int64_t row) const {
    T total = 0;
    for (int64_t lane = 0; lane < Register<T>::width; lane++) total += sums[row * Register<T>::width + lane];
    return total;
  }
};

/// Takes in one tile of keys and values; the values of two keys lie `stride` apart.
template <typename T>
void forward_tile(const Shape& shape, const Ranges& ranges, const T* keys_across, const T* values, int64_t stride,
                  int64_t first_key, const Running<T>& running) {
  using Vector = typename Register<T>::type;
  constexpr int64_t width = Register<T>::width;
  const int64_t group = shape.group(), dp = padded<T>(shape.dim);
  for (int64_t r = 0; r < running.rows; r += tile_rows) {
    const int count = static_cast<int>(std::min<int64_t>(tile_rows, running.rows - r));
    const Span span = span_of<T>(ranges, running.t0 + r / group, running.t0 + (r + count - 1) / group, first_key);
    if (span.begin >= span.end) continue;
    T* const p = running.tile;
    gemm_rows<T, false, false>(count, span.end - span.begin, shape.dim, running.query + r * dp, dp,
                               keys_across + span.begin, keys_per_tile, p + span.begin, keys_per_tile);
    for (int i = 0; i < count; i++) {
      T* row = p + i * keys_per_tile;
      if (!span.whole)
        mask_row(row, span, ranges, running.t0 + (r + i) / group, first_key, -std::numeric_limits<T>::infinity());
      const T tile_max = row_maximum(row + span.begin, span.end - span.begin), before = running.maximum[r + i];
      const T now = tile_max > before ? tile_max : before;
      Vector& sum = *reinterpret_cast<Vector*>(running.sums + (r + i) * width);
      if (now == -std::numeric_limits<T>::infinity()) {  // this row has seen nothing yet, or NaN, which is no maximum
        T nothing = 0;
        for (int64_t j = span.begin; j < span.end; j++)
          if (row[j] != row[j]) nothing = row[j];
        std::fill(row + span.begin, row + span.end, nothing);
        sum += nothing;
        continue;
      }
      if (tile_max > before) {
        const T correction = fast_exp2(before - now);
        running.maximum[r + i] = now;
        sum *= correction;
        T* o = running.out + (r + i) * dp;
#pragma omp simd
        for (int64_t e = 0; e < dp; e++) o[e] *= correction;
      }
#pragma omp simd
      for (int64_t j = span.begin; j < span.end; j++) row[j] = fast_exp2(row[j] - now);
      for (int64_t j = span.begin; j < span.end; j += width) sum += *reinterpret_cast<Vector*>(row + j);
    }
    gemm_rows<T, false, true>(count, dp, span.end - span.begin, p + span.begin, keys_per_tile, values + span.begin * stride,
                              stride, running.out + r * dp, dp);
  }
}

/// Writes one row: out = weighted sum / sum, and the natural log-sum-exp into [B,H,T]. 0 and −∞ for a row without keys to see.
template <typename T>
void write_row(const Shape& shape, int64_t b, int64_t t, int64_t head, const T* weighted, T sum, T maximum,
               bool has_keys, const View<T>& out, T* logsumexp) {
  logsumexp[(b * shape.heads + head) * shape.queries + t] = T((maximum + std::log2(sum)) * ln_2);
  const T inverse = has_keys ? T(1) / sum : T(0);
  T* to = out.row(b, t, head);
#pragma omp simd
  for (int64_t e = 0; e < shape.dim; e++) to[e] = weighted[e] * inverse;
}

/// out and log-sum-exp of the queries [t0, t1) of the heads that share `key_head`.
/// `keys_across` and `values` are the packed tiles of that head from tile `first_tile` on.
template <typename T>
void forward_block(const Shape& shape, const Ranges& ranges, int64_t b, int64_t key_head, int64_t t0, int64_t t1, T scale,
                   const View<const T>& query, const T* keys_across, const T* values, int64_t first_tile,
                   const View<T>& out, T* logsumexp, T* memory) {
  const int64_t group = shape.group(), dp = padded<T>(shape.dim);
  const Running<T> running(memory, t0, (t1 - t0) * group, dp);
  gather_rows(query, shape, b, key_head, t0, t1, T(scale * log2_e), running.query);
  const int64_t tile_end = (ranges.high(t1 - 1) + keys_per_tile - 1) / keys_per_tile;
  for (int64_t tile = ranges.low[t0] / keys_per_tile; tile < tile_end; tile++) {
    const int64_t at = (tile - first_tile) * dp * keys_per_tile;
    forward_tile(shape, ranges, keys_across + at, values + at, dp, tile * keys_per_tile, running);
  }
  for (int64_t r = 0; r < running.rows; r++)
    write_row(shape, b, t0 + r / group, key_head * group + r % group, running.out + r * dp, running.sum(r),
              running.maximum[r], ranges.has_keys(t0 + r / group), out, logsumexp);
}

/// A head's keys in pieces, each taken in by a `Running` of its own: [pieces, rows, part_size]. Joined in order.
template <typename T>
struct Parts {
  T* memory;
  int64_t rows, dp;

  static int64_t size(int64_t dp) { return dp + 2; }  // weighted sum, sum of weights, maximum
  T* at(int64_t piece, int64_t row) const { return memory + (piece * rows + row) * size(dp); }

  void put(int64_t piece, const Running<T>& running) const {
    for (int64_t r = 0; r < rows; r++) {
      T* to = at(piece, r);
      std::copy(running.out + r * dp, running.out + (r + 1) * dp, to);
      to[dp] = running.sum(r);
      to[dp + 1] = running.maximum[r];
    }
  }

  /// The weighted sum [dp] of a row over the pieces [begin, end), its sum of weights and its maximum.
  void join(int64_t begin, int64_t end, int64_t row, T* weighted, T& total, T& maximum) const {
    total = 0;
    maximum = -std::numeric_limits<T>::infinity();
    for (int64_t piece = begin; piece < end; piece++) maximum = std::max(maximum, at(piece, row)[dp + 1]);
    std::fill(weighted, weighted + dp, T(0));
    if (maximum == -std::numeric_limits<T>::infinity()) {  // no piece saw a key, or none but NaN
      for (int64_t piece = begin; piece < end; piece++) total += at(piece, row)[dp];
      std::fill(weighted, weighted + dp, total);
      return;
    }
    for (int64_t piece = begin; piece < end; piece++) {
      const T* from = at(piece, row);
      const T weight = fast_exp2(from[dp + 1] - maximum);
      total += weight * from[dp];
#pragma omp simd
      for (int64_t e = 0; e < dp; e++) weighted[e] += weight * from[e];
    }
  }
};

template <typename T>
struct BackwardScratch {
  T *query, *grad, *grad_query, *probabilities, *grad_scores, *delta, *logsumexp;
  static int64_t size(int64_t rows, int64_t dp) { return rows * (3 * dp + 2 * keys_per_tile + 2) + 64; }
  BackwardScratch(T* memory, int64_t rows, int64_t dp) {
    query = memory;
    grad = query + rows * dp;
    grad_query = grad + rows * dp;
    probabilities = grad_query + rows * dp;
    grad_scores = probabilities + rows * keys_per_tile;
    delta = grad_scores + rows * keys_per_tile;
    logsumexp = delta + rows;
  }
};

/// The packed tiles of one key/value head, from tile `first_tile` on.
template <typename T>
struct PackedHead {
  const T *keys_across, *keys, *values_across;
  int64_t first_tile;
};

/// Writes the gradient of the queries [t0, t1), and adds what they send to keys and values into `grad_keys` and
/// `grad_values` [keys, dp], which begin at tile `grad_tile`. The gradient of the keys comes out log2 e times too large,
/// like the queries it is made of; the caller divides once at the end.
template <typename T>
void backward_block(const Shape& shape, const Ranges& ranges, int64_t b, int64_t key_head, int64_t t0, int64_t t1, T scale,
                    const View<const T>& query, const View<const T>& out, const View<const T>& grad_out,
                    const T* logsumexp, const PackedHead<T>& packed, const View<T>& grad_query, T* grad_keys,
                    T* grad_values, int64_t grad_tile, T* memory) {
  const int64_t group = shape.group(), dim = shape.dim, dp = padded<T>(dim), rows = (t1 - t0) * group;
  BackwardScratch<T> scratch(memory, rows, dp);
  gather_rows(query, shape, b, key_head, t0, t1, T(scale * log2_e), scratch.query);
  gather_rows(grad_out, shape, b, key_head, t0, t1, T(1), scratch.grad);
  std::fill(scratch.grad_query, scratch.grad_query + rows * dp, T(0));
  for (int64_t r = 0; r < rows; r++) {
    const int64_t t = t0 + r / group, head = key_head * group + r % group;
    const T *o = out.row(b, t, head), *g = scratch.grad + r * dp;
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t e = 0; e < dim; e++) sum += o[e] * g[e];
    scratch.delta[r] = sum;
    scratch.logsumexp[r] = T(logsumexp[(b * shape.heads + head) * shape.queries + t] * log2_e);
  }

  const int64_t tile_end = (ranges.high(t1 - 1) + keys_per_tile - 1) / keys_per_tile;
  for (int64_t tile = ranges.low[t0] / keys_per_tile; tile < tile_end; tile++) {
    const int64_t at = (tile - packed.first_tile) * dp * keys_per_tile, first_key = tile * keys_per_tile;
    int64_t first_row = rows, last_row = 0;
    for (int64_t r = 0; r < rows; r += tile_rows) {
      const int count = static_cast<int>(std::min<int64_t>(tile_rows, rows - r));
      const Span span = span_of<T>(ranges, t0 + r / group, t0 + (r + count - 1) / group, first_key);
      if (span.begin >= span.end) continue;
      first_row = std::min(first_row, r);
      last_row = r + count;
      T *p = scratch.probabilities + r * keys_per_tile, *ds = scratch.grad_scores + r * keys_per_tile;
      const int64_t columns = span.end - span.begin;
      gemm_rows<T, false, false>(count, columns, dim, scratch.query + r * dp, dp, packed.keys_across + at + span.begin,
                                 keys_per_tile, p + span.begin, keys_per_tile);
      gemm_rows<T, false, false>(count, columns, dim, scratch.grad + r * dp, dp, packed.values_across + at + span.begin,
                                 keys_per_tile, ds + span.begin, keys_per_tile);
      for (int i = 0; i < count; i++) {
        T *probability = p + i * keys_per_tile, *score = ds + i * keys_per_tile;
        if (!span.whole) {
          mask_row(probability, span, ranges, t0 + (r + i) / group, first_key, -std::numeric_limits<T>::infinity());
          // What lies outside the computed columns is read by the products over rows below.
          std::fill(probability, probability + span.begin, T(0));
          std::fill(probability + span.end, probability + keys_per_tile, T(0));
          std::fill(score, score + span.begin, T(0));
          std::fill(score + span.end, score + keys_per_tile, T(0));
        }
        const T lse = scratch.logsumexp[r + i], delta = scratch.delta[r + i];
#pragma omp simd
        for (int64_t j = span.begin; j < span.end; j++) {
          const T x = fast_exp2(probability[j] - lse);
          probability[j] = x;
          score[j] = x * (score[j] - delta);
        }
      }
      gemm_rows<T, false, true>(count, dp, columns, ds + span.begin, keys_per_tile,
                                packed.keys + at + span.begin * dp, dp, scratch.grad_query + r * dp, dp);
    }

    if (first_row >= last_row) continue;
    // Keys see the rows from the first query at or after them to the last whose window reaches back to them.
    const int64_t key_count = std::min(keys_per_tile, shape.keys - first_key);
    T* dk = grad_keys + (tile - grad_tile) * dp * keys_per_tile;
    T* dv = grad_values + (tile - grad_tile) * dp * keys_per_tile;
    int64_t end = first_row;
    for (int64_t n = 0; n < key_count; n += tile_rows) {
      const int count = static_cast<int>(std::min<int64_t>(tile_rows, key_count - n));
      const int64_t first_query = std::max(first_key + n - ranges.offset, t0);
      const int64_t begin = std::clamp((first_query - t0) * group, first_row, last_row);
      while (end < last_row && ranges.low[t0 + end / group] < first_key + n + count) end++;
      if (begin >= end) continue;
      gemm_rows<T, true, true>(count, dp, end - begin, scratch.probabilities + begin * keys_per_tile + n, keys_per_tile,
                               scratch.grad + begin * dp, dp, dv + n * dp, dp);
      gemm_rows<T, true, true>(count, dp, end - begin, scratch.grad_scores + begin * keys_per_tile + n, keys_per_tile,
                               scratch.query + begin * dp, dp, dk + n * dp, dp);
    }
  }

  for (int64_t r = 0; r < rows; r++) {
    const T* from = scratch.grad_query + r * dp;
    T* to = grad_query.row(b, t0 + r / group, key_head * group + r % group);
#pragma omp simd
    for (int64_t e = 0; e < dim; e++) to[e] = from[e] * scale;
  }
}

}  // namespace tsumugi::attention
