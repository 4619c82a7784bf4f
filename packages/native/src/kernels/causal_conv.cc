// Depthwise causal convolution followed by SiLU, of packed documents: a tap never reaches into another document. One pass
// over rows of channels; backward recomputes what SiLU was applied to.
#include "conv_taps.h"
#include "kernel.h"
#include "vector_math.h"

namespace tsumugi {
namespace {

constexpr int64_t channel_block = 1024;  // backward takes channels by so many: k rows of gradients stay in the first cache

/// One call's operands. Position t of a sequence sees its own row and the k − 1 before it; in front of the sequence lie
/// the k − 1 rows of `history`, which belong to the first token's document.
template <typename T>
struct Conv {
  int64_t batch, length, channels, k;
  const T* x;             // [B, T, C]
  const T* taps;          // [k, C]
  const T* history;       // [B, k − 1, C] or null
  const int* starts;      // [B, T]: where each position's document starts; or null
  const T* zeros;         // [C]

  /// Whether an earlier position u is in the document of t.
  bool same_document(int64_t b, int64_t t, int64_t u) const { return !starts || starts[b * length + t] <= u; }

  /// The k rows that position t sees, oldest first, from channel c0 on.
  void window(int64_t b, int64_t t, int64_t c0, const T** rows) const {
    for (int64_t j = 0; j < k; j++) {
      const int64_t source = t - (k - 1) + j;
      const T* seen = zeros;
      if (source >= 0 && same_document(b, t, source)) seen = x + (b * length + source) * channels;
      if (source < 0 && history && same_document(b, t, 0)) seen = history + (b * (k - 1) + source + k - 1) * channels;
      rows[j] = seen + c0;
    }
  }
};

/// sums[j, c] += g[c]·rows[j][c].
template <typename T>
void add_products(int64_t k, const T* g, const T* const* rows, T* sums, int64_t stride, int64_t n) {
  if (k == 4) {
    const T *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3];
    T *s0 = sums, *s1 = s0 + stride, *s2 = s1 + stride, *s3 = s2 + stride;
#pragma omp simd
    for (int64_t c = 0; c < n; c++) {
      s0[c] += g[c] * r0[c];
      s1[c] += g[c] * r1[c];
      s2[c] += g[c] * r2[c];
      s3[c] += g[c] * r3[c];
    }
    return;
  }
  for (int64_t j = 0; j < k; j++) add_product(g, rows[j], sums + j * stride, n);
}

/// g ← dy·silu'(g)
template <typename T>
void through_silu(const T* dy, T* g, int64_t n) {
#pragma omp simd
  for (int64_t c = 0; c < n; c++) g[c] = dy[c] * silu_slope(g[c], sigmoid(g[c]));
}

template <typename T>
void forward(const Conv<T>& conv, T* y) {
  const int64_t C = conv.channels;
  at::parallel_for(0, conv.batch * conv.length, grain_of_rows(C), [&](int64_t begin, int64_t end) {
    const T* rows[max_taps];
    for (int64_t i = begin; i < end; i++) {
      T* out = y + i * C;
      conv.window(i / conv.length, i % conv.length, 0, rows);
      weighted_rows(conv.k, rows, conv.taps, C, C, out);
#pragma omp simd
      for (int64_t c = 0; c < C; c++) out[c] = silu(out[c]);
    }
  });
}

template <typename T>
struct ConvGradients {
  const T* dy;   // [B, T, C]
  T* dx;         // [B, T, C]
  T* d_taps;     // [tasks, k, C], zeros: one part for each task
  T* d_history;  // [B, k − 1, C] zeros, or null
};

/// The gradients of rows [begin, end) of sequence b and channels [c0, c1), by one walk along the rows. `slopes` [k, c1 − c0]
/// holds the gradients of the last k rows' sums: what the dx of the oldest of them needs.
template <typename T>
void backward_block(const Conv<T>& conv, const ConvGradients<T>& out, T* d_taps, int64_t b, int64_t begin, int64_t end,
                    int64_t c0, int64_t c1, T* slopes) {
  const int64_t C = conv.channels, k = conv.k, width = c1 - c0;
  const int64_t reach = std::min(conv.length, end + k - 1);  // rows whose windows hold one of ours
  const T* taps = conv.taps + c0;
  const T* rows[max_taps];
  for (int64_t t = begin; t < end + k - 1; t++) {
    if (t < reach) {
      T* g = slopes + t % k * width;
      conv.window(b, t, c0, rows);
      weighted_rows(k, rows, taps, C, width, g);
      through_silu(out.dy + (b * conv.length + t) * C + c0, g, width);
      if (t < end) add_products(k, g, rows, d_taps + c0, C, width);
      if (t < end && t < k - 1 && out.d_history && conv.same_document(b, t, 0))
        for (int64_t j = 0; j < k - 1 - t; j++)  // the taps of row t that lie in front of the sequence
          add_product(taps + j * C, g, out.d_history + (b * (k - 1) + t + j) * C + c0, width);
    }
    const int64_t oldest = t - (k - 1);
    if (oldest < begin) continue;
    for (int64_t j = 0; j < k; j++) {  // tap j of row t − j sees the oldest
      const bool sees = t - j < reach && conv.same_document(b, t - j, oldest);
      rows[j] = sees ? slopes + (t - j) % k * width : conv.zeros;
    }
    weighted_rows(k, rows, taps, C, width, out.dx + (b * conv.length + oldest) * C + c0);
  }
}

// --- operators ----------------------------------------------------------------------------------------------------

void check(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& documents, const at::Tensor& state) {
  TORCH_CHECK(x.dim() == 3, "causal_conv: x must be [B, T, C], it is ", x.sizes());
  TORCH_CHECK(weight.dim() == 3 && weight.size(0) == x.size(2) && weight.size(1) == 1 && weight.size(2) >= 1 &&
                  weight.size(2) <= max_taps && weight.scalar_type() == x.scalar_type(),
              "causal_conv: weight must be [C, 1, k] with k from 1 to ", max_taps, " in x's dtype, it is ", weight.sizes());
  TORCH_CHECK(!documents.defined() || (documents.dim() == 2 && documents.size(0) == x.size(0) &&
                                       documents.size(1) == x.size(1) && documents.scalar_type() == at::kInt),
              "causal_conv: documents must be int32 [B, T]");
  TORCH_CHECK(!state.defined() || (state.dim() == 3 && state.size(0) == x.size(0) && state.size(1) == x.size(2) &&
                                   state.size(2) == weight.size(2) - 1 && state.scalar_type() == x.scalar_type()),
              "causal_conv: state must be [B, C, k - 1] in x's dtype");
}

/// The operands as contiguous tensors in the layout the loops want.
struct Operands {
  at::Tensor x, taps, history, starts, zeros;

  Operands(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& ids, const at::Tensor& state)
      : x(input.contiguous()),
        taps(weight.select(1, 0).t().contiguous()),
        history(state.defined() && state.size(2) > 0 ? state.transpose(1, 2).contiguous() : at::Tensor()),
        starts(ids.defined() ? starts_of_documents(ids) : at::Tensor()),
        zeros(at::zeros({input.size(2)}, input.options())) {}

  template <typename T>
  Conv<T> view() const {
    return {x.size(0), x.size(1), x.size(2), taps.size(0), x.data_ptr<T>(), taps.data_ptr<T>(),
            history.defined() ? history.data_ptr<T>() : nullptr,
            starts.defined() ? starts.data_ptr<int>() : nullptr, zeros.data_ptr<T>()};
  }
};

at::Tensor causal_conv(const at::Tensor& x, const at::Tensor& weight, const OptionalTensor& documents,
                       const OptionalTensor& state) {
  const at::Tensor ids = value_or_undefined(documents), past = value_or_undefined(state);
  check(x, weight, ids, past);
  const Operands operands(x, weight, ids, past);
  at::Tensor y = at::empty(x.sizes(), x.options());
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "causal_conv",
                             [&] { forward(operands.view<scalar_t>(), y.data_ptr<scalar_t>()); });
  return y;
}

variable_list causal_conv_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                                   const at::Tensor& documents, const at::Tensor& state) {
  const Operands operands(x, weight, documents, state);
  const at::Tensor gradient = dy.contiguous();
  const int64_t B = x.size(0), T = x.size(1), C = x.size(2), k = weight.size(2);
  // About 64 tasks, however many threads there are: each sums its own part of the weight's gradient.
  const int64_t per_sequence = std::max<int64_t>(1, std::min(T / 64, 64 / std::max<int64_t>(1, B)));
  const int64_t task_rows = (T + per_sequence - 1) / per_sequence;
  const int64_t tasks = B * per_sequence;
  at::Tensor dx = at::empty(x.sizes(), x.options());
  at::Tensor d_taps = at::zeros({tasks, k, C}, x.options());
  at::Tensor d_history = operands.history.defined() ? at::zeros_like(operands.history) : at::Tensor();
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "causal_conv_backward", [&] {
    const Conv<scalar_t> conv = operands.view<scalar_t>();
    const ConvGradients<scalar_t> out{gradient.data_ptr<scalar_t>(), dx.data_ptr<scalar_t>(), d_taps.data_ptr<scalar_t>(),
                                      d_history.defined() ? d_history.data_ptr<scalar_t>() : nullptr};
    at::parallel_for(0, tasks, 1, [&](int64_t first, int64_t last) {
      std::vector<scalar_t> slopes(k * channel_block);
      for (int64_t task = first; task < last; task++) {
        const int64_t b = task / per_sequence, start = task % per_sequence * task_rows;
        const int64_t stop = std::min(T, start + task_rows);
        for (int64_t c = 0; c < C; c += channel_block)
          backward_block(conv, out, out.d_taps + task * k * C, b, start, stop, c, std::min(C, c + channel_block),
                         slopes.data());
      }
    });
  });
  return {dx, sum_of_blocks(d_taps).t().unsqueeze(1).contiguous(),
          state.defined() ? (d_history.defined() ? d_history.transpose(1, 2).contiguous() : at::zeros_like(state)) : state};
}

struct CausalConv : torch::autograd::Function<CausalConv> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight,
                            const OptionalTensor& documents, const OptionalTensor& state) {
    ctx->save_for_backward({x, weight, value_or_undefined(documents), value_or_undefined(state)});
    return causal_conv(x, weight, documents, state);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    refuse_double_backward("causal_conv");
    const variable_list saved = ctx->get_saved_variables();
    const variable_list d = causal_conv_backward(gradients[0], saved[0], saved[1], saved[2], saved[3]);
    return {d[0], d[1], at::Tensor(), d[2]};
  }
};

at::Tensor causal_conv_autograd(const at::Tensor& x, const at::Tensor& weight, const OptionalTensor& documents,
                                const OptionalTensor& state) {
  return CausalConv::apply(x, weight, documents, state);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(tsumugi, library) {
  library.def("causal_conv(Tensor x, Tensor weight, Tensor? documents, Tensor? state) -> Tensor");
}
TORCH_LIBRARY_IMPL(tsumugi, CPU, library) { library.impl("causal_conv", causal_conv); }
TORCH_LIBRARY_IMPL(tsumugi, AutogradCPU, library) { library.impl("causal_conv", causal_conv_autograd); }

}  // namespace tsumugi
