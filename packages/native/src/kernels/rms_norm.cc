// RMSNorm with an offset: y = x·rsqrt(mean(x²) + eps)·(offset + weight), optionally added to a residual, and the three
// norms of one Mamba projection (B | C | dt). Statistics in the dtype of x; backward needs nothing saved but the inputs.
#include "kernel.h"

namespace tsumugi {
namespace {

template <typename T>
T sum_of_squares(const T* x, int64_t n) {
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; i++) sum += x[i] * x[i];
  return sum;
}

template <typename T>
T weighted_dot(const T* g, const T* x, const T* weight, T offset, int64_t n) {
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; i++) sum += g[i] * x[i] * (offset + weight[i]);
  return sum;
}

/// dx = scale·g·(offset + weight) − pull·x for one row, and the row's part of the weight's gradient.
template <typename T>
void backward_row(const T* g, const T* x, const T* weight, T offset, T scale, T pull, T* dx, T* dw, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) {
    const T scaled = g[i] * scale;
    dx[i] = scaled * (offset + weight[i]) - pull * x[i];
    dw[i] += scaled * x[i];
  }
}

/// y [count, n] from rows of length n that lie x_stride apart; `residual` may be null.
template <typename T>
void forward_rows(const T* x, int64_t x_stride, const T* residual, int64_t residual_stride, const T* weight, T offset,
                  T eps, T* y, int64_t count, int64_t n) {
  at::parallel_for(0, count, grain_of_rows(n), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const T* in = x + row * x_stride;
      T* out = y + row * n;
      const T scale = T(1) / std::sqrt(sum_of_squares(in, n) / T(n) + eps);
      if (residual) {
        const T* base = residual + row * residual_stride;
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = base[i] + in[i] * scale * (offset + weight[i]);
      } else {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = in[i] * scale * (offset + weight[i]);
      }
    }
  });
}

/// With r = rsqrt(mean(x²) + eps) and v = offset + weight:
/// dx = r·(g·v − x·r²·mean(g·v·x)), dweight = Σ over rows of g·x·r. Rows of dx lie dx_stride apart.
template <typename T>
at::Tensor backward_rows(const T* g, int64_t g_stride, const T* x, int64_t x_stride, const at::Tensor& weight, T offset,
                         T eps, T* dx, int64_t dx_stride, int64_t count, int64_t n) {
  const Blocks blocks(count);
  at::Tensor partial = at::zeros({blocks.count, n}, weight.options());
  T* const sums = partial.data_ptr<T>();
  const T* const w = weight.data_ptr<T>();
  at::parallel_for(0, blocks.count, 1, [&](int64_t first, int64_t last) {
    for (int64_t block = first; block < last; block++) {
      T* const dw = sums + block * n;
      for (int64_t row = blocks.begin(block); row < blocks.end(block, count); row++) {
        const T* in = x + row * x_stride;
        const T* grad = g + row * g_stride;
        const T scale = T(1) / std::sqrt(sum_of_squares(in, n) / T(n) + eps);
        const T pull = scale * scale * scale * weighted_dot(grad, in, w, offset, n) / T(n);
        backward_row(grad, in, w, offset, scale, pull, dx + row * dx_stride, dw, n);
      }
    }
  });
  return sum_of_blocks(partial);
}

// --- one norm -----------------------------------------------------------------------------------------------------

void check_norm(const at::Tensor& x, const at::Tensor& weight) {
  TORCH_CHECK(x.dim() >= 1 && weight.dim() == 1 && x.size(-1) == weight.size(0), "rms_norm: x ", x.sizes(),
              " does not end in weight's size ", weight.sizes());
  TORCH_CHECK(x.scalar_type() == weight.scalar_type(), "rms_norm: x and weight have different dtypes");
}

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, const OptionalTensor& residual, double offset,
                    double eps) {
  check_norm(x, weight);
  const Rows in = rows_of(x);
  const at::Tensor w = weight.contiguous();
  const bool add = residual && residual->defined();
  if (add)
    TORCH_CHECK(residual->sizes() == x.sizes() && residual->scalar_type() == x.scalar_type(),
                "rms_norm: residual ", residual->sizes(), " and x ", x.sizes(), " must have one shape and dtype");
  const Rows base = add ? rows_of(*residual) : Rows{};
  at::Tensor y = at::empty(x.sizes(), x.options());
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "rms_norm", [&] {
    forward_rows<scalar_t>(in.data<scalar_t>(), in.stride, add ? base.data<scalar_t>() : nullptr, add ? base.stride : 0,
                           w.data_ptr<scalar_t>(), offset, eps, y.data_ptr<scalar_t>(), in.count, in.length);
  });
  return y;
}

struct RmsNorm : torch::autograd::Function<RmsNorm> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight,
                            const OptionalTensor& residual, double offset, double eps) {
    ctx->save_for_backward({x, weight});
    ctx->saved_data["offset"] = offset;
    ctx->saved_data["eps"] = eps;
    ctx->saved_data["add"] = residual && residual->defined();
    return rms_norm(x, weight, residual, offset, eps);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    refuse_double_backward("rms_norm");
    const variable_list saved = ctx->get_saved_variables();
    const Rows in = rows_of(saved[0]);
    const Rows g = rows_of(gradients[0]);
    const at::Tensor w = saved[1].contiguous();
    const double offset = ctx->saved_data["offset"].toDouble(), eps = ctx->saved_data["eps"].toDouble();
    at::Tensor dx = at::empty(saved[0].sizes(), saved[0].options());
    at::Tensor dw;
    AT_DISPATCH_FLOATING_TYPES(w.scalar_type(), "rms_norm_backward", [&] {
      dw = backward_rows<scalar_t>(g.data<scalar_t>(), g.stride, in.data<scalar_t>(), in.stride, w, offset, eps,
                                   dx.data_ptr<scalar_t>(), in.length, in.count, in.length);
    });
    return {dx, dw, ctx->saved_data["add"].toBool() ? gradients[0] : at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

at::Tensor rms_norm_autograd(const at::Tensor& x, const at::Tensor& weight, const OptionalTensor& residual,
                             double offset, double eps) {
  return RmsNorm::apply(x, weight, residual, offset, eps);
}

// --- B | C | dt ---------------------------------------------------------------------------------------------------

void check_bcdt(const at::Tensor& bcdt, const at::Tensor& b, const at::Tensor& c, const at::Tensor& dt) {
  TORCH_CHECK(bcdt.dim() >= 1 && b.dim() == 1 && c.dim() == 1 && dt.dim() == 1 &&
                  bcdt.size(-1) == b.size(0) + c.size(0) + dt.size(0),
              "bcdt_norm: bcdt ", bcdt.sizes(), " is not as wide as the weights ", b.sizes(), c.sizes(), dt.sizes());
  for (const at::Tensor* weight : {&b, &c, &dt})
    TORCH_CHECK(weight->scalar_type() == bcdt.scalar_type(), "bcdt_norm: bcdt and weights have different dtypes");
}

variable_list bcdt_norm(const at::Tensor& bcdt, const variable_list& weights, double eps) {
  const Rows in = rows_of(bcdt);
  variable_list results;
  int64_t column = 0;
  for (const at::Tensor& weight : weights) {
    std::vector<int64_t> sizes = bcdt.sizes().vec();
    const int64_t n = sizes.back() = weight.size(0);
    const at::Tensor w = weight.contiguous();
    at::Tensor y = at::empty(sizes, bcdt.options());
    AT_DISPATCH_FLOATING_TYPES(bcdt.scalar_type(), "bcdt_norm", [&] {
      forward_rows<scalar_t>(in.data<scalar_t>() + column, in.stride, nullptr, 0, w.data_ptr<scalar_t>(), 0, eps,
                             y.data_ptr<scalar_t>(), in.count, n);
    });
    results.push_back(y);
    column += n;
  }
  return results;
}

struct BcdtNorm : torch::autograd::Function<BcdtNorm> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& bcdt, const at::Tensor& b, const at::Tensor& c,
                               const at::Tensor& dt, double eps) {
    ctx->save_for_backward({bcdt, b, c, dt});
    ctx->saved_data["eps"] = eps;
    return bcdt_norm(bcdt, {b, c, dt}, eps);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    refuse_double_backward("bcdt_norm");
    const variable_list saved = ctx->get_saved_variables();
    const Rows in = rows_of(saved[0]);
    const double eps = ctx->saved_data["eps"].toDouble();
    at::Tensor dx = at::empty(saved[0].sizes(), saved[0].options());
    variable_list results{dx};
    int64_t column = 0;
    for (int part = 0; part < 3; part++) {
      const Rows g = rows_of(gradients[part]);
      const at::Tensor w = saved[part + 1].contiguous();
      AT_DISPATCH_FLOATING_TYPES(w.scalar_type(), "bcdt_norm_backward", [&] {
        results.push_back(backward_rows<scalar_t>(g.data<scalar_t>(), g.stride, in.data<scalar_t>() + column, in.stride,
                                                  w, 0, eps, dx.data_ptr<scalar_t>() + column, in.length, in.count,
                                                  w.size(0)));
      });
      column += w.size(0);
    }
    results.emplace_back();
    return results;
  }
};

using Three = std::tuple<at::Tensor, at::Tensor, at::Tensor>;

Three bcdt_norm_cpu(const at::Tensor& bcdt, const at::Tensor& b, const at::Tensor& c, const at::Tensor& dt, double eps) {
  check_bcdt(bcdt, b, c, dt);
  const variable_list y = bcdt_norm(bcdt, {b, c, dt}, eps);
  return {y[0], y[1], y[2]};
}

Three bcdt_norm_autograd(const at::Tensor& bcdt, const at::Tensor& b, const at::Tensor& c, const at::Tensor& dt,
                         double eps) {
  check_bcdt(bcdt, b, c, dt);
  const variable_list y = BcdtNorm::apply(bcdt, b, c, dt, eps);
  return {y[0], y[1], y[2]};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(tsumugi, library) {
  library.def("rms_norm(Tensor x, Tensor weight, Tensor? residual, float offset, float eps) -> Tensor");
  library.def("bcdt_norm(Tensor bcdt, Tensor b, Tensor c, Tensor dt, float eps) -> (Tensor, Tensor, Tensor)");
}
TORCH_LIBRARY_IMPL(tsumugi, CPU, library) {
  library.impl("rms_norm", rms_norm);
  library.impl("bcdt_norm", bcdt_norm_cpu);
}
TORCH_LIBRARY_IMPL(tsumugi, AutogradCPU, library) {
  library.impl("rms_norm", rms_norm_autograd);
  library.impl("bcdt_norm", bcdt_norm_autograd);
}

}  // namespace tsumugi
