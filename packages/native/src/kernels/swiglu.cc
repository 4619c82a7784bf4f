// Gated units: silu(gate)·value, with both in the halves of one tensor (SwiGLU) or in two (the Mamba mixer's gate).
// Backward recomputes the sigmoid from the inputs.
#include "kernel.h"
#include "vector_math.h"

namespace tsumugi {
namespace {

/// Rows that lie `stride` apart.
template <typename T>
struct Strided {
  T* data;
  int64_t stride;
  T* row(int64_t i) const { return data + i * stride; }
};

template <typename T>
void forward_rows(Strided<const T> gate, Strided<const T> value, Strided<T> out, int64_t count, int64_t n) {
  at::parallel_for(0, count, grain_of_rows(n), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const T* g = gate.row(row);
      const T* v = value.row(row);
      T* y = out.row(row);
#pragma omp simd
      for (int64_t i = 0; i < n; i++) y[i] = silu(g[i]) * v[i];
    }
  });
}

template <typename T>
void backward_rows(Strided<const T> gradient, Strided<const T> gate, Strided<const T> value, Strided<T> d_gate,
                   Strided<T> d_value, int64_t count, int64_t n) {
  at::parallel_for(0, count, grain_of_rows(n), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const T* dy = gradient.row(row);
      const T* g = gate.row(row);
      const T* v = value.row(row);
      T* dg = d_gate.row(row);
      T* dv = d_value.row(row);
#pragma omp simd
      for (int64_t i = 0; i < n; i++) {
        const T s = sigmoid(g[i]);
        dv[i] = dy[i] * (g[i] * s);
        dg[i] = dy[i] * v[i] * silu_slope(g[i], s);
      }
    }
  });
}

// --- both in one tensor -------------------------------------------------------------------------------------------

at::Tensor swiglu(const at::Tensor& gate_up) {
  TORCH_CHECK(gate_up.dim() >= 1 && gate_up.size(-1) % 2 == 0, "swiglu: the last dimension of ", gate_up.sizes(),
              " is not even");
  const Rows in = rows_of(gate_up);
  const int64_t n = in.length / 2;
  std::vector<int64_t> sizes = gate_up.sizes().vec();
  sizes.back() = n;
  at::Tensor y = at::empty(sizes, gate_up.options());
  AT_DISPATCH_FLOATING_TYPES(gate_up.scalar_type(), "swiglu", [&] {
    const auto* data = in.data<scalar_t>();
    forward_rows<scalar_t>({data, in.stride}, {data + n, in.stride}, {y.data_ptr<scalar_t>(), n}, in.count, n);
  });
  return y;
}

struct Swiglu : torch::autograd::Function<Swiglu> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& gate_up) {
    ctx->save_for_backward({gate_up});
    return swiglu(gate_up);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    refuse_double_backward("swiglu");
    const at::Tensor gate_up = ctx->get_saved_variables()[0];
    const Rows in = rows_of(gate_up);
    const Rows dy = rows_of(gradients[0]);
    const int64_t n = in.length / 2;
    at::Tensor result = at::empty(gate_up.sizes(), gate_up.options());
    AT_DISPATCH_FLOATING_TYPES(gate_up.scalar_type(), "swiglu_backward", [&] {
      const auto* data = in.data<scalar_t>();
      auto* out = result.data_ptr<scalar_t>();
      backward_rows<scalar_t>({dy.data<scalar_t>(), dy.stride}, {data, in.stride}, {data + n, in.stride}, {out, 2 * n},
                              {out + n, 2 * n}, in.count, n);
    });
    return {result};
  }
};

at::Tensor swiglu_autograd(const at::Tensor& gate_up) { return Swiglu::apply(gate_up); }

// --- in two tensors -----------------------------------------------------------------------------------------------

at::Tensor gated_silu(const at::Tensor& y, const at::Tensor& z) {
  TORCH_CHECK(y.sizes() == z.sizes() && y.scalar_type() == z.scalar_type() && y.dim() >= 1, "gated_silu: y ", y.sizes(),
              " and z ", z.sizes(), " must have one shape and dtype");
  const Rows value = rows_of(y);
  const Rows gate = rows_of(z);
  at::Tensor result = at::empty(y.sizes(), y.options());
  AT_DISPATCH_FLOATING_TYPES(y.scalar_type(), "gated_silu", [&] {
    forward_rows<scalar_t>({gate.data<scalar_t>(), gate.stride}, {value.data<scalar_t>(), value.stride},
                           {result.data_ptr<scalar_t>(), value.length}, value.count, value.length);
  });
  return result;
}

struct GatedSilu : torch::autograd::Function<GatedSilu> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& y, const at::Tensor& z) {
    ctx->save_for_backward({y, z});
    return gated_silu(y, z);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    refuse_double_backward("gated_silu");
    const variable_list saved = ctx->get_saved_variables();
    const Rows value = rows_of(saved[0]);
    const Rows gate = rows_of(saved[1]);
    const Rows g = rows_of(gradients[0]);
    at::Tensor dy = at::empty(saved[0].sizes(), saved[0].options());
    at::Tensor dz = at::empty(saved[0].sizes(), saved[0].options());
    AT_DISPATCH_FLOATING_TYPES(dy.scalar_type(), "gated_silu_backward", [&] {
      const int64_t n = value.length;
      backward_rows<scalar_t>({g.data<scalar_t>(), g.stride}, {gate.data<scalar_t>(), gate.stride},
                              {value.data<scalar_t>(), value.stride}, {dz.data_ptr<scalar_t>(), n},
                              {dy.data_ptr<scalar_t>(), n}, value.count, n);
    });
    return {dy, dz};
  }
};

at::Tensor gated_silu_autograd(const at::Tensor& y, const at::Tensor& z) { return GatedSilu::apply(y, z); }

}  // namespace

TORCH_LIBRARY_FRAGMENT(tsumugi, library) {
  library.def("swiglu(Tensor gate_up) -> Tensor");
  library.def("gated_silu(Tensor y, Tensor z) -> Tensor");
}
TORCH_LIBRARY_IMPL(tsumugi, CPU, library) {
  library.impl("swiglu", swiglu);
  library.impl("gated_silu", gated_silu);
}
TORCH_LIBRARY_IMPL(tsumugi, AutogradCPU, library) {
  library.impl("swiglu", swiglu_autograd);
  library.impl("gated_silu", gated_silu_autograd);
}

}  // namespace tsumugi
