// tsumugi::qkv_norm_rope: takes the fused attention projection apart into q, k and v, with RMSNorm per head and rotary
// embedding on q and k. Backward fills one gradient of the projection, and saves nothing but its inputs.
//
//   y = x·rsqrt(mean(x²) + eps)·w    out[j]       = y[j]·cos[j] − y[j + d/2]·sin[j]          for j < d/2
//                                    out[j + d/2] = y[j + d/2]·cos[j] + y[j]·sin[j]
#include <cmath>

#include "kernel.h"

namespace tsumugi {
namespace {

using Three = std::tuple<at::Tensor, at::Tensor, at::Tensor>;

struct Heads {
  int64_t batch, length, queries, keys, dim;  // qkv is [batch, length, (queries + 2·keys)·dim]
};

Heads check(const at::Tensor& qkv, const at::Tensor& q_weight, const at::Tensor& k_weight, const at::Tensor& cos,
            const at::Tensor& sin) {
  TORCH_CHECK(qkv.dim() == 3 && q_weight.dim() == 2 && k_weight.dim() == 2 && q_weight.size(1) == k_weight.size(1) &&
                  q_weight.size(1) % 2 == 0,
              "qkv_norm_rope: expected qkv [B,T,(H+2K)·d], weights [H,d] and [K,d] with even d, got ", qkv.sizes(), ", ",
              q_weight.sizes(), ", ", k_weight.sizes());
  const Heads heads{qkv.size(0), qkv.size(1), q_weight.size(0), k_weight.size(0), q_weight.size(1)};
  TORCH_CHECK(qkv.size(2) == (heads.queries + 2 * heads.keys) * heads.dim, "qkv_norm_rope: qkv ", qkv.sizes(),
              " is not as wide as the weights ", q_weight.sizes(), " and ", k_weight.sizes(), " demand");
  TORCH_CHECK(cos.dim() == 2 && cos.sizes() == sin.sizes() && cos.size(0) >= heads.length && cos.size(1) == heads.dim / 2,
              "qkv_norm_rope: cos and sin must be [at least T, d/2], got ", cos.sizes(), " and ", sin.sizes());
  for (const at::Tensor* tensor : {&q_weight, &k_weight, &cos, &sin})
    TORCH_CHECK(tensor->scalar_type() == qkv.scalar_type(), "qkv_norm_rope: all tensors must have one dtype");
  return heads;
}

/// 1 / sqrt(mean(x²) + eps)
template <typename T>
T inverse_rms(const T* x, int64_t dim, T eps) {
  T squares = 0;
#pragma omp simd reduction(+ : squares)
  for (int64_t i = 0; i < dim; i++) squares += x[i] * x[i];
  return T(1) / std::sqrt(squares / T(dim) + eps);
}

template <typename T>
void norm_rotate(const T* x, const T* weight, const T* cos, const T* sin, T eps, T* out, int64_t dim) {
  const T scale = inverse_rms(x, dim, eps);
  const int64_t half = dim / 2;
#pragma omp simd
  for (int64_t j = 0; j < half; j++) {
    const T first = x[j] * scale * weight[j], second = x[j + half] * scale * weight[j + half];
    out[j] = first * cos[j] - second * sin[j];
    out[j + half] = second * cos[j] + first * sin[j];
  }
}

/// dx of one head and token; adds to dweight. `turned` is room for dim values.
template <typename T>
void norm_rotate_backward(const T* g, const T* x, const T* weight, const T* cos, const T* sin, T eps, T* dx, T* dweight,
                          T* turned, int64_t dim) {
  const int64_t half = dim / 2;
#pragma omp simd
  for (int64_t j = 0; j < half; j++) {  // the rotation back
    turned[j] = g[j] * cos[j] + g[j + half] * sin[j];
    turned[j + half] = g[j + half] * cos[j] - g[j] * sin[j];
  }
  T squares = 0, dot = 0;
#pragma omp simd reduction(+ : squares, dot)
  for (int64_t i = 0; i < dim; i++) {
    squares += x[i] * x[i];
    dot += turned[i] * weight[i] * x[i];
  }
  const T scale = T(1) / std::sqrt(squares / T(dim) + eps);
  const T pull = scale * scale * scale * dot / T(dim);
#pragma omp simd
  for (int64_t i = 0; i < dim; i++) {
    dx[i] = scale * turned[i] * weight[i] - pull * x[i];
    dweight[i] += turned[i] * x[i] * scale;
  }
}

Three qkv_norm_rope(const at::Tensor& qkv, const at::Tensor& q_weight, const at::Tensor& k_weight, const at::Tensor& cos,
                    const at::Tensor& sin, double eps) {
  const Heads heads = check(qkv, q_weight, k_weight, cos, sin);
  const Rows rows = rows_of(qkv), cosines = rows_of(cos), sines = rows_of(sin);
  const at::Tensor qw = q_weight.contiguous(), kw = k_weight.contiguous();
  const int64_t dim = heads.dim;
  at::Tensor q = at::empty({heads.batch, heads.length, heads.queries, dim}, qkv.options());
  at::Tensor k = at::empty({heads.batch, heads.length, heads.keys, dim}, qkv.options());
  at::Tensor v = at::empty_like(k);
  AT_DISPATCH_FLOATING_TYPES(qkv.scalar_type(), "qkv_norm_rope", [&] {
    using T = scalar_t;
    T *const q_out = q.data_ptr<T>(), *const k_out = k.data_ptr<T>(), *const v_out = v.data_ptr<T>();
    const T *const q_scale = qw.data_ptr<T>(), *const k_scale = kw.data_ptr<T>();
    at::parallel_for(0, rows.count, grain_of_rows(rows.length), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; row++) {
        const T* in = rows.data<T>() + row * rows.stride;
        const T* c = cosines.data<T>() + row % heads.length * cosines.stride;
        const T* s = sines.data<T>() + row % heads.length * sines.stride;
        for (int64_t h = 0; h < heads.queries; h++, in += dim)
          norm_rotate<T>(in, q_scale + h * dim, c, s, eps, q_out + (row * heads.queries + h) * dim, dim);
        for (int64_t h = 0; h < heads.keys; h++, in += dim)
          norm_rotate<T>(in, k_scale + h * dim, c, s, eps, k_out + (row * heads.keys + h) * dim, dim);
        std::copy(in, in + heads.keys * dim, v_out + row * heads.keys * dim);
      }
    });
  });
  return {q, k, v};
}

struct QkvNormRope : torch::autograd::Function<QkvNormRope> {
  static variable_list forward(AutogradContext* context, const at::Tensor& qkv, const at::Tensor& q_weight,
                               const at::Tensor& k_weight, const at::Tensor& cos, const at::Tensor& sin, double eps) {
    at::AutoDispatchBelowADInplaceOrView guard;
    context->save_for_backward({qkv, q_weight, k_weight, cos, sin});
    context->saved_data["eps"] = eps;
    const auto [q, k, v] = qkv_norm_rope(qkv, q_weight, k_weight, cos, sin, eps);
    return {q, k, v};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    refuse_double_backward("qkv_norm_rope");
    const variable_list saved = context->get_saved_variables();
    const at::Tensor qw = saved[1].contiguous(), kw = saved[2].contiguous();
    const Heads heads = check(saved[0], qw, kw, saved[3], saved[4]);
    const Rows rows = rows_of(saved[0]), cosines = rows_of(saved[3]), sines = rows_of(saved[4]);
    const at::Tensor gq = gradients[0].contiguous(), gk = gradients[1].contiguous(), gv = gradients[2].contiguous();
    const double eps = context->saved_data["eps"].toDouble();
    const int64_t dim = heads.dim, normed = (heads.queries + heads.keys) * dim;
    at::Tensor dx = at::empty(saved[0].sizes(), saved[0].options());
    const Blocks blocks(rows.count);
    const at::Tensor partial = at::zeros({blocks.count, normed}, qw.options());
    AT_DISPATCH_FLOATING_TYPES(qw.scalar_type(), "qkv_norm_rope_backward", [&] {
      using T = scalar_t;
      const T *const q_grad = gq.data_ptr<T>(), *const k_grad = gk.data_ptr<T>(), *const v_grad = gv.data_ptr<T>();
      const T *const q_scale = qw.data_ptr<T>(), *const k_scale = kw.data_ptr<T>();
      T *const out = dx.data_ptr<T>(), *const sums = partial.data_ptr<T>();
      at::parallel_for(0, blocks.count, 1, [&](int64_t first, int64_t last) {
        std::vector<T> turned(dim);
        for (int64_t block = first; block < last; block++) {
          for (int64_t row = blocks.begin(block); row < blocks.end(block, rows.count); row++) {
            const T* in = rows.data<T>() + row * rows.stride;
            const T* c = cosines.data<T>() + row % heads.length * cosines.stride;
            const T* s = sines.data<T>() + row % heads.length * sines.stride;
            T *to = out + row * rows.length, *dw = sums + block * normed;
            for (int64_t h = 0; h < heads.queries; h++, in += dim, to += dim, dw += dim)
              norm_rotate_backward<T>(q_grad + (row * heads.queries + h) * dim, in, q_scale + h * dim, c, s, eps, to, dw,
                                      turned.data(), dim);
            for (int64_t h = 0; h < heads.keys; h++, in += dim, to += dim, dw += dim)
              norm_rotate_backward<T>(k_grad + (row * heads.keys + h) * dim, in, k_scale + h * dim, c, s, eps, to, dw,
                                      turned.data(), dim);
            std::copy(v_grad + row * heads.keys * dim, v_grad + (row + 1) * heads.keys * dim, to);
          }
        }
      });
    });
    const at::Tensor dw = sum_of_blocks(partial);
    return {dx,
            dw.narrow(0, 0, heads.queries * dim).view_as(qw).clone(),
            dw.narrow(0, heads.queries * dim, heads.keys * dim).view_as(kw).clone(),
            at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

Three qkv_norm_rope_autograd(const at::Tensor& qkv, const at::Tensor& q_weight, const at::Tensor& k_weight,
                             const at::Tensor& cos, const at::Tensor& sin, double eps) {
  const variable_list results = QkvNormRope::apply(qkv, q_weight, k_weight, cos, sin, eps);
  return {results[0], results[1], results[2]};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(tsumugi, library) {
  library.def(
      "qkv_norm_rope(Tensor qkv, Tensor q_weight, Tensor k_weight, Tensor cos, Tensor sin, float eps) -> "
      "(Tensor, Tensor, Tensor)");
}
TORCH_LIBRARY_IMPL(tsumugi, CPU, library) { library.impl("qkv_norm_rope", qkv_norm_rope); }
TORCH_LIBRARY_IMPL(tsumugi, AutogradCPU, library) { library.impl("qkv_norm_rope", qkv_norm_rope_autograd); }

}  // namespace tsumugi
