// The arithmetic of the state-space scan on chunks of tokens, after Dao & Gu 2024 (arXiv 2405.21060, section 6), on plain
// memory. Inside a chunk the recurrence is a masked product like attention's; between chunks a state is handed on.
//
//   B batch   T tokens   m heads   P head size   N state size   n tokens of a chunk
//   a[t] = dt[t]·A   E[i,j] = exp(a[j+1] + … + a[i]) for j ≤ i in one document, else 0   X[j] = dt[j]·x[j]
//   Y = (C·Bᵀ ∘ E)·X + diag(into)·C·S + D·x       S' = across·S + Bᵀ·diag(onward)·X
//   into[i]: decay from the chunk's start to i.  onward[j]: from j to its end.  across: over the whole chunk.
//
// C·Bᵀ is the same for all heads. Matrices lie in buffers whose rows are whole vectors, filled up with zeros.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "aligned.h"
#include "tile_gemm.h"
#include "tile_transpose.h"
#include "vector_math.h"

namespace tsumugi::ssd {

/// Longest chunk. The work per token inside a chunk grows with its length, that of the states between chunks does not;
/// with heads and states of 64 to 128 the sum is least near 64.
constexpr int max_chunk = 64;

/// Working memory of one thread, zeroed, handed out in pieces on cache lines.
class Arena {
 public:
  explicit Arena(size_t bytes) : size_(bytes), memory_(static_cast<char*>(allocate_aligned(64, bytes))) {
    if (!memory_) throw std::bad_alloc();
    std::memset(memory_, 0, bytes);
  }
  ~Arena() { std::free(memory_); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  template <typename T>
  T* take(int64_t count) {
    T* piece = reinterpret_cast<T*>(memory_ + used_);
    used_ += (count * sizeof(T) + 63) / 64 * 64;
    if (used_ > size_) throw std::bad_alloc();
    return piece;
  }

 private:
  size_t size_, used_ = 0;
  char* memory_;
};

/// The operands, contiguous.
template <typename T>
struct Scan {
  int64_t batch, length, heads, dim, state;  // B, T, m, P, N
  int64_t chunk, chunks;
  const T* x;             // [B, T, m, P]
  const T* dt;            // [B, T, m]
  const T* A;             // [m]
  const T* B;             // [B, T, N]
  const T* C;             // [B, T, N]
  const T* D;             // [m]
  const uint8_t* resets;  // [B, T]: whether the token starts a document; or null
  bool initial;           // whether there is a state before the first chunk

  int64_t P() const { return padded<T>(dim); }
  int64_t N() const { return padded<T>(state); }
  int64_t state_size() const { return state * P(); }
  int64_t head_row(int64_t token, int64_t h) const { return (token * heads + h) * dim; }
  /// Index of a chunk's state among [B, chunks, m, N, P].
  int64_t state_index(int64_t b, int64_t c, int64_t h) const { return ((b * chunks + c) * heads + h) * state_size(); }
};

/// The tokens of a chunk, and where their documents start in it.
struct Span {
  int64_t first;              // index among B·T tokens
  int size;                   // tokens
  int start[max_chunk] = {};  // first token of i's document inside the chunk
  int num_open;               // tokens whose document began before the chunk: the first ones

  template <typename T>
  Span(const Scan<T>& scan, int64_t b, int64_t c) : first(b * scan.length + c * scan.chunk) {
    size = static_cast<int>(std::min(scan.chunk, scan.length - c * scan.chunk));
    num_open = size;
    int begin = 0;
    for (int i = 0; i < size; i++) {
      if (scan.resets && scan.resets[first + i]) {
        begin = i;
        num_open = std::min(num_open, i);
      }
      start[i] = begin;
    }
  }
};

/// The decays of one head in one chunk.
template <typename T>
struct Decay {
  // Running sums of a, from 0 at each document's start, in two parts, so that differences are exact to the last place of
  // the difference, not of the sum: with |a| up to 1000 per token, plain sums would lose small decays between neighbours.
  alignas(64) T high[max_chunk] = {};
  alignas(64) T low[max_chunk] = {};
  alignas(64) T into[max_chunk];
  alignas(64) T onward[max_chunk];
  T across;

  Decay(const Scan<T>& scan, const Span& span, int64_t h) {
    const T* dt = scan.dt + span.first * scan.heads + h;
    const double A = scan.A[h];
    double sum = 0;
    for (int i = 0; i < span.size; i++) {
      const bool reset = span.start[i] == i && i >= span.num_open;
      sum = reset ? 0 : sum + static_cast<double>(dt[i * scan.heads]) * A;
      high[i] = static_cast<T>(sum);
      low[i] = static_cast<T>(sum - static_cast<double>(high[i]));
    }
    const int last = span.size - 1;
    const T high_last = high[last], low_last = low[last];
    const int last_start = span.start[last], num_open = span.num_open;
#pragma omp simd
    for (int i = 0; i < max_chunk; i++) {
      const T from_start = fast_exp(high[i]), to_end = fast_exp((high_last - high[i]) + (low_last - low[i]));
      into[i] = i < num_open ? from_start : T(0);
      onward[i] = i >= last_start ? to_end : T(0);
    }
    across = num_open == span.size ? fast_exp(high[last]) : T(0);
  }

  /// Row i of E, columns [0, columns).
  void row(const Span& span, int i, int columns, T* e) const {
    const int begin = span.start[i];
    const T high_i = high[i], low_i = low[i];
#pragma omp simd
    for (int j = 0; j < columns; j++) {
      const T value = fast_exp((high_i - high[j]) + (low_i - low[j]));
      e[j] = j <= i && j >= begin ? value : T(0);
    }
  }
};

/// Rows of one head, each times a factor, packed.
template <typename T, typename Factor>
void pack_rows(const Scan<T>& scan, const T* tensor, const Span& span, int64_t h, Factor factor, T* out) {
  const int64_t P = scan.P();
  for (int i = 0; i < span.size; i++) {
    const T* in = tensor + scan.head_row(span.first + i, h);
    const T f = factor(i);
#pragma omp simd
    for (int64_t p = 0; p < scan.dim; p++) out[i * P + p] = f * in[p];
  }
}

template <typename T>
T dot(const T* a, const T* b, int64_t n) {
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

/// The groups of rows that a product is computed in: body(first row, rows).
template <typename Body>
void row_groups(int64_t rows, Body body) {
  for (int64_t i = 0; i < rows; i += tile_rows) body(i, static_cast<int>(std::min<int64_t>(tile_rows, rows - i)));
}

/// c [rows, columns] = a·b or c += a·b, with a [rows, depth].
template <bool accumulate, typename T>
void product(int64_t rows, int64_t columns, int64_t depth, const T* a, int64_t lda, const T* b, int64_t ldb, T* c, int64_t ldc) {
  row_groups(rows, [&](int64_t i, int group) {
    gemm_rows<T, false, accumulate>(group, columns, depth, a + i * lda, lda, b, ldb, c + i * ldc, ldc);
  });
}

/// c [rows, columns] += aᵀ·b, with a [depth, rows].
template <typename T>
void add_transposed_product(int64_t rows, int64_t columns, int64_t depth, const T* a, int64_t lda, const T* b, int64_t ldb,
                            T* c, int64_t ldc) {
  row_groups(rows, [&](int64_t i, int group) {
    gemm_rows<T, true, true>(group, columns, depth, a + i, lda, b, ldb, c + i * ldc, ldc);
  });
}

/// Asks for the first `length` elements of rows [first, first + rows) ahead of their use. A head's rows lie far apart, so
/// the hardware does not foresee them; asking a few at a time, between products, hides most of the way to memory.
template <bool write, typename T>
void prefetch_rows(const T* data, int64_t stride, int64_t length, int64_t first, int64_t rows) {
  constexpr int64_t line = 64 / sizeof(T);
  for (int64_t i = first; i < first + rows; i++)
    for (int64_t p = 0; p < length; p += line) __builtin_prefetch(data + i * stride + p, write);
}

/// The columns that rows up to i + rows of a lower triangle reach, as whole vectors.
template <typename T>
int64_t reach(int64_t i, int rows) {
  return padded<T>(i + rows);
}

// --- between chunks -----------------------------------------------------------------------------------------------

/// Hands the state of one head on from chunk to chunk, and stores it as it is at the near side of each:
/// forward S before the chunk (`left` B, `right` x), backward the gradient of S after it (`left` C, `right` dy).
/// `state` [N, P] holds the first one and, when `finish`, in the end the last.
template <bool backward, typename T>
void chain_states(const Scan<T>& scan, const T* left, const T* right, int64_t b, int64_t h, bool finish, T* state,
                  T* weighted, T* states) {
  const int64_t P = scan.P(), N = scan.state;
  for (int64_t step = 0; step < scan.chunks; step++) {
    const int64_t c = backward ? scan.chunks - 1 - step : step;
    std::memcpy(states + scan.state_index(b, c, h), state, scan.state_size() * sizeof(T));
    if (step == scan.chunks - 1 && !finish) return;
    const Span span(scan, b, c);
    const Decay<T> decay(scan, span, h);
    const T* dt = scan.dt + span.first * scan.heads + h;
    pack_rows(scan, right, span, h,
              [&](int i) { return backward ? decay.into[i] : decay.onward[i] * dt[i * scan.heads]; }, weighted);
#pragma omp simd
    for (int64_t i = 0; i < scan.state_size(); i++) state[i] *= decay.across;
    const T* next = right + scan.head_row(span.first + (backward ? -scan.chunk : scan.chunk), h);
    row_groups(N, [&](int64_t n, int rows) {
      if (step + 1 < scan.chunks) prefetch_rows<false>(next, scan.heads * scan.dim, scan.dim, n, std::min<int64_t>(rows, span.size - n));
      gemm_rows<T, true, true>(rows, P, span.size, left + span.first * N + n, N, weighted, P, state + n * P, P);
    });
  }
}

// --- inside a chunk -----------------------------------------------------------------------------------------------

/// G = C·Bᵀ, the lower triangle, [n, max_chunk]. `across` [N, max_chunk] is working memory.
template <typename T>
void pair_products(const Scan<T>& scan, const Span& span, T* across, T* G) {
  const int64_t N = scan.state;
  const T* C = scan.C + span.first * N;
  for (int64_t i = 0; i < N; i++) std::fill(across + i * max_chunk + span.size, across + (i + 1) * max_chunk, T(0));
  transpose(scan.B + span.first * N, N, span.size, N, across, max_chunk);
  row_groups(span.size, [&](int64_t i, int rows) {
    gemm_rows<T, false, false>(rows, reach<T>(i, rows), N, C + i * N, N, across, max_chunk, G + i * max_chunk, max_chunk);
  });
}

/// Working memory for the outputs of chunks.
template <typename T>
struct ForwardBuffers {
  Arena arena;
  T *across, *G, *M, *X, *CS, *Y;
  explicit ForwardBuffers(const Scan<T>& scan)
      : arena(sizeof(T) * max_chunk * (2 * max_chunk + 2 * scan.state + 2 * scan.P()) + 4096),
        across(arena.take<T>(scan.state * max_chunk)),
        G(arena.take<T>(max_chunk * max_chunk)),
        M(arena.take<T>(max_chunk * max_chunk)),
        X(arena.take<T>(max_chunk * scan.P())),
        CS(arena.take<T>(max_chunk * scan.state)),
        Y(arena.take<T>(max_chunk * scan.P())) {}
};

/// The outputs of all heads in chunk c of sequence b, from the states before it.
template <typename T>
void forward_chunk(const Scan<T>& scan, const T* states, int64_t b, int64_t c, ForwardBuffers<T>& w, T* y) {
  const int64_t P = scan.P(), N = scan.state;
  const Span span(scan, b, c);
  const T* C = scan.C + span.first * N;
  pair_products(scan, span, w.across, w.G);
  for (int64_t h = 0; h < scan.heads; h++) {
    const Decay<T> decay(scan, span, h);
    const T* dt = scan.dt + span.first * scan.heads + h;
    const T* next = scan.x + scan.head_row(span.first, h + 1);
    pack_rows(scan, scan.x, span, h, [&](int i) { return dt[i * scan.heads]; }, w.X);
    row_groups(span.size, [&](int64_t first, int rows) {
      const int columns = static_cast<int>(reach<T>(first, rows));
      if (h + 1 < scan.heads) {
        prefetch_rows<false>(next, scan.heads * scan.dim, scan.dim, first, rows);
        prefetch_rows<true>(y + (next - scan.x), scan.heads * scan.dim, scan.dim, first, rows);
        prefetch_rows<false>(states + scan.state_index(b, c, h + 1), P, P, first, std::min<int64_t>(rows, N - first));
      }
      for (int64_t i = first; i < first + rows; i++) {
        T* m = w.M + i * max_chunk;
        const T* g = w.G + i * max_chunk;
        decay.row(span, static_cast<int>(i), columns, m);
#pragma omp simd
        for (int j = 0; j < columns; j++) m[j] *= g[j];
      }
      gemm_rows<T, false, false>(rows, P, first + rows, w.M + first * max_chunk, max_chunk, w.X, P, w.Y + first * P, P);
    });
    if (c > 0 || scan.initial) {
      for (int i = 0; i < span.size; i++)
#pragma omp simd
        for (int64_t n = 0; n < N; n++) w.CS[i * N + n] = decay.into[i] * C[i * N + n];
      product<true>(span.size, P, N, w.CS, N, states + scan.state_index(b, c, h), P, w.Y, P);
    }
    const T D = scan.D[h];
    for (int i = 0; i < span.size; i++) {
      const int64_t row = scan.head_row(span.first + i, h);
#pragma omp simd
      for (int64_t p = 0; p < scan.dim; p++) y[row + p] = w.Y[i * P + p] + D * scan.x[row + p];
    }
  }
}

}  // namespace tsumugi::ssd
