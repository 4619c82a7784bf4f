// tsumugi::mlp: fully connected layers with an activation after each, or each but the last, in one call: small networks, as reinforcement learning has
// them, spend most of their time between operators. Products are our own where operands fit a cache, and else libtorch's; bias,
// activation and their gradients are one pass.
#include <memory>

#include "again.h"
#include "kernel.h"
#include "rows_linear.h"
#include "small_gemm.h"
#include "vector_math.h"

namespace tsumugi {
namespace {

enum class Activation : int64_t { relu, tanh, none };

Activation activation_of(int64_t number) {
  TORCH_CHECK(number >= 0 && number <= 2, "mlp: there is no activation ", number);
  return static_cast<Activation>(number);
}

/// Of all layers but the last, and of the last.
struct Activations {
  Activation hidden, last;
  Activation of(size_t layer, size_t layers) const { return layer + 1 == layers ? last : hidden; }
};

Activations activations_of(int64_t hidden, int64_t last) { return {activation_of(hidden), activation_of(last)}; }

/// h ← activation(z + b), in place: z [rows, n].
template <typename T>
void activate(Activation activation, T* z, const T* bias, int64_t rows, int64_t n) {
  at::parallel_for(0, rows, grain_of_rows(n), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      T* h = z + row * n;
      if (activation == Activation::relu) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) {
          const T v = h[i] + bias[i];
          h[i] = v < 0 ? T(0) : v;  // NaN stays NaN
        }
      } else if (activation == Activation::tanh) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) h[i] = fast_tanh(h[i] + bias[i]);
      } else {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) h[i] += bias[i];
      }
    }
  });
}

/// dz = dh · activation′, which h tells. Returns the sum of dz over the rows. `dz` may be `dh`.
template <typename T>
at::Tensor deactivate(Activation activation, const T* dh, const T* h, at::Tensor& dz) {
  const int64_t rows = dz.size(0), n = dz.size(1);
  const Blocks blocks(rows);
  at::Tensor partial = at::zeros({blocks.count, n}, dz.options());
  T *sums = partial.data_ptr<T>(), *outs = dz.data_ptr<T>();
  at::parallel_for(0, blocks.count, grain_of_rows(n * blocks.rows), [&](int64_t first, int64_t last) {
    for (int64_t block = first; block < last; block++) {
      T* sum = sums + block * n;
      for (int64_t row = blocks.begin(block); row < blocks.end(block, rows); row++) {
        const T *in = dh + row * n, *y = h + row * n;
        T* out = outs + row * n;
        if (activation == Activation::relu) {
#pragma omp simd
          for (int64_t i = 0; i < n; i++) {
            out[i] = y[i] <= 0 ? T(0) : in[i];  // NaN stays NaN
            sum[i] += out[i];
          }
        } else if (activation == Activation::tanh) {
#pragma omp simd
          for (int64_t i = 0; i < n; i++) {
            out[i] = in[i] * (T(1) - y[i] * y[i]);
            sum[i] += out[i];
          }
        } else {
#pragma omp simd
          for (int64_t i = 0; i < n; i++) {
            out[i] = in[i];
            sum[i] += out[i];
          }
        }
      }
    }
  });
  return sum_of_blocks(partial);
}

// Up to so many rows, or for very few outputs, W is read as it lies; for more it is turned first.
constexpr int64_t few_rows = 8;

/// z [N, out] = x·Wᵀ
template <typename T>
void product(const at::Tensor& x, const at::Tensor& weight, at::Tensor& z) {
  const int64_t rows = x.size(0), inputs = x.size(1), outputs = weight.size(0);
  const T *in = x.data_ptr<T>(), *w = weight.data_ptr<T>();
  T* out = z.data_ptr<T>();
  if (inputs >= Register<T>::width && (rows <= few_rows || outputs <= linear_outputs)) {
    using Vector = typename Register<T>::type;
    Vector some[linear_outputs * few_rows];
    const std::unique_ptr<Vector[]> more(rows <= few_rows ? nullptr : new Vector[linear_outputs * rows]);
    linear_strips<T>({rows, inputs, outputs, in, w, inputs, inputs, out}, 0, outputs, more ? more.get() : some);
  } else if (inputs * outputs * static_cast<int64_t>(sizeof(T)) > small_operand) {
    at::mm_out(z, x, weight.t());
  } else {
    const int64_t width = padded<T>(outputs);
    std::vector<T> turned(static_cast<size_t>(inputs * width));
    transpose(w, inputs, outputs, inputs, turned.data(), width);
    small_gemm<T, false>(rows, outputs, inputs, in, inputs, turned.data(), width, out, outputs);
  }
}

/// a·b, or aᵀ·b.
template <typename T, bool transposed>
at::Tensor product_of(const at::Tensor& a, const at::Tensor& b) {
  const int64_t rows = a.size(transposed ? 1 : 0), depth = b.size(0), columns = b.size(1);
  if (depth * columns * static_cast<int64_t>(sizeof(T)) > small_operand) return at::mm(transposed ? a.t() : a, b);
  at::Tensor c = at::empty({rows, columns}, a.options());
  small_gemm<T, transposed>(rows, columns, depth, a.data_ptr<T>(), a.size(1), b.data_ptr<T>(), columns, c.data_ptr<T>(),
                            columns);
  return c;
}

void check(const at::Tensor& x, at::TensorList weights, at::TensorList biases) {
  TORCH_CHECK(x.dim() == 2 && !weights.empty() && weights.size() == biases.size(),
              "mlp: expected x [N, in] and as many biases as weights, got ", x.sizes(), ", ", weights.size(), " weights and ",
              biases.size(), " biases");
  int64_t inputs = x.size(1);
  for (size_t l = 0; l < weights.size(); l++) {
    TORCH_CHECK(weights[l].dim() == 2 && weights[l].size(1) == inputs && biases[l].dim() == 1 &&
                    biases[l].size(0) == weights[l].size(0) && weights[l].scalar_type() == x.scalar_type() &&
                    biases[l].scalar_type() == x.scalar_type(),
                "mlp: layer ", l, " takes [N, ", inputs, "] of ", x.scalar_type(), ", its weight is ", weights[l].sizes(),
                " and its bias ", biases[l].sizes());
    inputs = weights[l].size(0);
  }
}

/// What each layer gives.
std::vector<at::Tensor> layers_of(const at::Tensor& x, at::TensorList weights, at::TensorList biases, Activations activations) {
  std::vector<at::Tensor> outputs;
  outputs.reserve(weights.size());
  at::Tensor input = x.contiguous();
  const int64_t rows = x.size(0);
  for (size_t l = 0; l < weights.size(); l++) {
    const at::Tensor weight = weights[l].contiguous(), bias = biases[l].contiguous();
    const int64_t n = weight.size(0);
    at::Tensor h = at::empty({rows, n}, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "mlp", [&] {
      product<scalar_t>(input, weight, h);
      activate(activations.of(l, weights.size()), h.data_ptr<scalar_t>(), bias.data_ptr<scalar_t>(), rows, n);
    });
    outputs.push_back(h);
    input = h;
  }
  return outputs;
}

at::Tensor mlp(const at::Tensor& x, at::TensorList weights, at::TensorList biases, int64_t hidden, int64_t last) {
  check(x, weights, biases);
  return layers_of(x, weights, biases, activations_of(hidden, last)).back();
}

/// The same by operators that can be differentiated again.
at::Tensor mlp_of_operators(const at::Tensor& x, at::TensorList weights, at::TensorList biases, Activations activations) {
  at::Tensor h = x;
  for (size_t l = 0; l < weights.size(); l++) {
    h = at::linear(h, weights[l], biases[l]);
    const Activation activation = activations.of(l, weights.size());
    if (activation != Activation::none) h = activation == Activation::relu ? h.relu() : h.tanh();
  }
  return h;
}

struct Mlp : torch::autograd::Function<Mlp> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, at::TensorList weights, at::TensorList biases,
                            int64_t hidden, int64_t last) {
    const auto outputs = layers_of(x, weights, biases, activations_of(hidden, last));
    variable_list saved{x};
    for (const auto& list : {weights, biases}) saved.insert(saved.end(), list.begin(), list.end());
    saved.insert(saved.end(), outputs.begin(), outputs.end());
    ctx->save_for_backward(saved);
    ctx->saved_data["hidden"] = hidden;
    ctx->saved_data["last"] = last;
    return outputs.back();
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const variable_list saved = ctx->get_saved_variables();
    const auto activations = activations_of(ctx->saved_data["hidden"].toInt(), ctx->saved_data["last"].toInt());
    const size_t layers = (saved.size() - 1) / 3;
    if (at::GradMode::is_enabled()) {
      const variable_list inputs(saved.begin(), saved.begin() + 1 + 2 * layers);
      return gradients_again(ctx, inputs, gradients, 2 * layers + 3, [&](const variable_list& of) {
        const at::TensorList all(of);
        return variable_list{mlp_of_operators(of[0], all.slice(1, layers), all.slice(1 + layers, layers), activations)};
      });
    }
    variable_list result(2 * layers + 3);  // x, weights, biases, and the two activations
    // The lowest layer whose gradients are asked for: nothing is needed below.
    size_t lowest = 0;
    const auto needs = [&](size_t l) {
      return ctx->needs_input_grad(1 + l) || ctx->needs_input_grad(1 + layers + l) || (l == 0 && ctx->needs_input_grad(0));
    };
    while (lowest + 1 < layers && !needs(lowest)) lowest++;
    at::Tensor gradient = gradients[0].contiguous();
    for (size_t l = layers; l-- > lowest;) {
      const at::Tensor& h = saved[1 + 2 * layers + l];
      const at::Tensor& below = l == 0 ? saved[0] : saved[2 * layers + l];
      // A gradient from outside is not ours to write to.
      at::Tensor dz = l + 1 == layers ? at::empty_like(gradient) : gradient;
      AT_DISPATCH_FLOATING_TYPES(h.scalar_type(), "mlp_backward", [&] {
        const at::Tensor d_bias = deactivate(activations.of(l, layers), gradient.data_ptr<scalar_t>(), h.data_ptr<scalar_t>(), dz);
        if (ctx->needs_input_grad(1 + layers + l)) result[1 + layers + l] = d_bias;
        if (ctx->needs_input_grad(1 + l)) result[1 + l] = product_of<scalar_t, true>(dz, below.contiguous());
        if (l > lowest || (l == 0 && ctx->needs_input_grad(0)))
          gradient = product_of<scalar_t, false>(dz, saved[1 + l].contiguous());
      });
    }
    if (lowest == 0 && ctx->needs_input_grad(0)) result[0] = gradient;
    return result;
  }
};

at::Tensor mlp_autograd(const at::Tensor& x, at::TensorList weights, at::TensorList biases, int64_t hidden, int64_t last) {
  if (!at::GradMode::is_enabled()) {
    const at::AutoDispatchBelowADInplaceOrView below;
    return mlp(x, weights, biases, hidden, last);
  }
  check(x, weights, biases);
  return Mlp::apply(x, weights, biases, hidden, last);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(tsumugi, library) {
  library.def("mlp(Tensor x, Tensor[] weights, Tensor[] biases, int hidden, int last) -> Tensor");
}
TORCH_LIBRARY_IMPL(tsumugi, CPU, library) { library.impl("mlp", mlp); }
TORCH_LIBRARY_IMPL(tsumugi, AutogradCPU, library) { library.impl("mlp", mlp_autograd); }

}  // namespace tsumugi
