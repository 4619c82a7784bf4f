// The gradients of a chunk of the state-space scan. Recomputes what the forward pass had inside the chunk; between chunks it
// takes the states before each and the gradients of the states after each. Symbols as in ssd_chunk.h.
#pragma once
#include "ssd_chunk.h"

namespace tsumugi::ssd {

template <typename T>
struct Gradients {
  const T* dy;        // [B, T, m, P]
  const T* states;    // [B, chunks, m, N, P]: S before each chunk
  const T* d_states;  // the same for the gradient of S after each chunk
  bool d_final;       // whether there is one after the last chunk
  T* dx;              // [B, T, m, P]
  T* d_dt;            // [B, T, m]
  T* dB;              // [B, T, N]
  T* dC;              // [B, T, N]
  T* dA;              // [B·chunks, m]: one part for each chunk
  T* dD;              // [B·chunks, m]
};

template <typename T>
struct BackwardBuffers {
  Arena arena;
  T *G, *dG, *M;    // [max_chunk, max_chunk]
  T *E, *Q, *dM;    // a row of such, another, and a group of rows
  T *X, *dY, *dX;   // [max_chunk, P]
  T *XT;            // [P, max_chunk]
  T *CB, *through;  // [max_chunk, N]
  T *dC, *dB;       // [max_chunk, N], sums over heads
  T *ST;            // [P, N]
  T *across;        // [N, max_chunk]
  explicit BackwardBuffers(const Scan<T>& scan)
      : arena(sizeof(T) * (max_chunk * (3 * max_chunk + 2 + tile_rows + 4 * scan.P() + 5 * scan.N()) + scan.P() * scan.N()) + 4096),
        G(arena.take<T>(max_chunk * max_chunk)),
        dG(arena.take<T>(max_chunk * max_chunk)),
        M(arena.take<T>(max_chunk * max_chunk)),
        E(arena.take<T>(max_chunk)),
        Q(arena.take<T>(max_chunk)),
        dM(arena.take<T>(tile_rows * max_chunk)),
        X(arena.take<T>(max_chunk * scan.P())),
        dY(arena.take<T>(max_chunk * scan.P())),
        dX(arena.take<T>(max_chunk * scan.P())),
        XT(arena.take<T>(max_chunk * scan.P())),
        CB(arena.take<T>(max_chunk * scan.N())),
        through(arena.take<T>(max_chunk * scan.N())),
        dC(arena.take<T>(max_chunk * scan.N())),
        dB(arena.take<T>(max_chunk * scan.N())),
        ST(arena.take<T>(scan.P() * scan.N())),
        across(arena.take<T>(max_chunk * scan.N())) {}
};

/// The products inside the chunk of one head: M and E, dM = dY·Xᵀ, and from Q = dM∘M the gradient of the running sums of
/// a (`d_sum`); adds dM∘E to dG. Leaves M for the product with dY.
template <typename T>
void backward_pairs(const Scan<T>& scan, const Span& span, const Decay<T>& decay, const T* next_x, const T* next_dy,
                    BackwardBuffers<T>& w, double* d_sum) {
  const int64_t P = scan.P();
  alignas(64) double column_sums[max_chunk] = {};
  for (int64_t p = 0; p < scan.dim; p++) std::fill(w.XT + p * max_chunk + span.size, w.XT + (p + 1) * max_chunk, T(0));
  transpose(w.X, P, span.size, scan.dim, w.XT, max_chunk);
  row_groups(span.size, [&](int64_t first, int rows) {
    const int columns = static_cast<int>(reach<T>(first, rows));
    prefetch_rows<false>(next_x, scan.heads * scan.dim, scan.dim, first, rows);
    prefetch_rows<false>(next_dy, scan.heads * scan.dim, scan.dim, first, rows);
    gemm_rows<T, false, false>(rows, columns, scan.dim, w.dY + first * P, P, w.XT, max_chunk, w.dM, max_chunk);
    for (int64_t i = first; i < first + rows; i++) {
      T* e = w.E;
      T* q = w.Q;
      T* m = w.M + i * max_chunk;
      T* dg = w.dG + i * max_chunk;
      const T* g = w.G + i * max_chunk;
      const T* dm = w.dM + (i - first) * max_chunk;
      decay.row(span, static_cast<int>(i), columns, e);
#pragma omp simd
      for (int j = 0; j < columns; j++) {
        m[j] = g[j] * e[j];
        dg[j] += dm[j] * e[j];
        q[j] = j < i ? dm[j] * m[j] : T(0);  // the diagonal holds no decay
      }
      double row_sum = 0;
#pragma omp simd reduction(+ : row_sum)
      for (int j = 0; j < columns; j++) {
        column_sums[j] += q[j];
        row_sum += q[j];
      }
      d_sum[i] = row_sum;
    }
  });
  for (int i = 0; i < span.size; i++) d_sum[i] -= column_sums[i];
}

/// What passed through the state before the chunk (`into`, to C) or after it (`onward`, to B): with rows [n, P] and a state
/// [N, P] adds diag(decay)·rows·stateᵀ to `sum` [n, N]. Its products with `other` are the gradients of the logarithms of
/// the decays: running sums up to i, or from i to the end. They go to d_sum.
template <bool onward, typename T>
void backward_through_state(const Scan<T>& scan, const Span& span, const T* decay, const T* rows, const T* state,
                            const T* other, BackwardBuffers<T>& w, T* sum, double* d_sum) {
  const int64_t P = scan.P(), N = scan.N();
  transpose(state, P, scan.state, scan.dim, w.ST, N);
  product<false>(span.size, N, scan.dim, rows, P, w.ST, N, w.through, N);
  double total = 0;
  for (int i = 0; i < span.size; i++) {
    const T factor = decay[i];
    const T* t = w.through + i * N;
    T* s = sum + i * N;
    T products = 0;
#pragma omp simd reduction(+ : products)
    for (int64_t n = 0; n < scan.state; n++) {
      const T value = factor * t[n];
      s[n] += value;
      products += value * other[i * scan.state + n];
    }
    if (!onward) {
      d_sum[i] += products;
    } else if (i < span.size - 1) {  // the last token's decay to the end is 1
      d_sum[i] -= products;
      total += products;
    }
  }
  d_sum[span.size - 1] += total;
}

/// The gradients of everything in chunk c of sequence b.
template <typename T>
void backward_chunk(const Scan<T>& scan, const Gradients<T>& out, int64_t b, int64_t c, BackwardBuffers<T>& w) {
  const int64_t P = scan.P(), N = scan.N();
  const Span span(scan, b, c);
  const int n = span.size;
  const T* B = scan.B + span.first * scan.state;
  const T* C = scan.C + span.first * scan.state;
  const bool before = c > 0 || scan.initial, after = c + 1 < scan.chunks || out.d_final;
  pair_products(scan, span, w.across, w.G);
  std::fill(w.dG, w.dG + max_chunk * max_chunk, T(0));
  std::fill(w.dC, w.dC + max_chunk * N, T(0));
  std::fill(w.dB, w.dB + max_chunk * N, T(0));

  for (int64_t h = 0; h < scan.heads; h++) {
    const Decay<T> decay(scan, span, h);
    const T* dt = scan.dt + span.first * scan.heads + h;
    const T* state = out.states + scan.state_index(b, c, h);
    const T* d_state = out.d_states + scan.state_index(b, c, h);
    // Gradients of the running sums of a. In f64, because the gradient of a is what is left of them after nearly all
    // cancels: where decays are extreme, f32 sums would leave more error than gradient.
    double d_sum[max_chunk];
    pack_rows(scan, scan.x, span, h, [&](int i) { return dt[i * scan.heads]; }, w.X);
    pack_rows(scan, out.dy, span, h, [](int) { return T(1); }, w.dY);

    const int64_t own = scan.head_row(span.first, h), next = scan.head_row(span.first, std::min(h + 1, scan.heads - 1));
    const int64_t next_state = scan.state_index(b, c, std::min(h + 1, scan.heads - 1));
    backward_pairs(scan, span, decay, scan.x + next, out.dy + next, w, d_sum);
    row_groups(n, [&](int64_t j, int rows) {  // dX = Mᵀ·dY: column j of M starts in row j
      prefetch_rows<true>(out.dx + own, scan.heads * scan.dim, scan.dim, j, rows);
      prefetch_rows<false>(out.states + next_state, P, P, j, std::min<int64_t>(rows, scan.state - j));
      prefetch_rows<false>(out.d_states + next_state, P, P, j, std::min<int64_t>(rows, scan.state - j));
      gemm_rows<T, true, false>(rows, P, n - j, w.M + j * max_chunk + j, max_chunk, w.dY + j * P, P, w.dX + j * P, P);
    });
    if (before)
      backward_through_state<false>(scan, span, decay.into, w.dY, state, C, w, w.dC, d_sum);
    if (after) {
      for (int i = 0; i < n; i++)
#pragma omp simd
        for (int64_t k = 0; k < scan.state; k++) w.CB[i * N + k] = decay.onward[i] * B[i * scan.state + k];
      product<true>(n, P, scan.state, w.CB, N, d_state, P, w.dX, P);
      backward_through_state<true>(scan, span, decay.onward, w.X, d_state, B, w, w.dB, d_sum);
      if (before) d_sum[n - 1] += decay.across * dot(state, d_state, scan.state_size());
    }

    // From running sums back to a: every sum from k on holds a[k]. Nothing crosses a document's start.
    const T A = scan.A[h], D = scan.D[h];
    double later = 0, dA = 0, dD = 0;
    for (int i = n - 1; i >= 0; i--) {
      later += d_sum[i];
      if (scan.resets && scan.resets[span.first + i]) later = 0;
      const int64_t row = scan.head_row(span.first + i, h);
      const T* x = scan.x + row;
      const T* dy = w.dY + i * P;
      const T* dX = w.dX + i * P;
      const T step = dt[i * scan.heads];
      T skip = 0, scale = 0;
#pragma omp simd reduction(+ : skip, scale)
      for (int64_t p = 0; p < scan.dim; p++) {
        out.dx[row + p] = step * dX[p] + D * dy[p];
        skip += x[p] * dy[p];
        scale += x[p] * dX[p];
      }
      out.d_dt[(span.first + i) * scan.heads + h] = static_cast<T>(later * A + scale);
      dA += later * step;
      dD += skip;
    }
    out.dA[(b * scan.chunks + c) * scan.heads + h] = static_cast<T>(dA);
    out.dD[(b * scan.chunks + c) * scan.heads + h] = static_cast<T>(dD);
  }

  // dC += dG·B and dB += dGᵀ·C, for all heads together.
  for (int i = 0; i < n; i++) std::copy(B + i * scan.state, B + (i + 1) * scan.state, w.CB + i * N);
  row_groups(n, [&](int64_t i, int rows) {
    gemm_rows<T, false, true>(rows, N, i + rows, w.dG + i * max_chunk, max_chunk, w.CB, N, w.dC + i * N, N);
  });
  for (int i = 0; i < n; i++) std::copy(C + i * scan.state, C + (i + 1) * scan.state, w.CB + i * N);
  row_groups(n, [&](int64_t j, int rows) {
    gemm_rows<T, true, true>(rows, N, n - j, w.dG + j * max_chunk + j, max_chunk, w.CB + j * N, N, w.dB + j * N, N);
  });
  for (int i = 0; i < n; i++) {
    std::copy(w.dC + i * N, w.dC + i * N + scan.state, out.dC + (span.first + i) * scan.state);
    std::copy(w.dB + i * N, w.dB + i * N + scan.state, out.dB + (span.first + i) * scan.state);
  }
}

}  // namespace tsumugi::ssd
