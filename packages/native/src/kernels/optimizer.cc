// Optimizer updates over lists of tensors on the CPU: one pass over memory for a whole parameter group, and the global
// norm of a list. The plain twins are in optim/updates.ts; hyperparameters are combined there, so that both share them.
#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace tsumugi {
namespace {

/// Fewer elements than this are not worth waking a second thread for.
constexpr int64_t grain = 1 << 15;
/// Elements whose squares are added up together: fixed, so that a norm does not depend on the number of threads.
constexpr int64_t norm_block = 1 << 15;

/// A list of contiguous tensors walked as if it were one long array.
class Flat {
 public:
  explicit Flat(at::TensorList tensors) : ends_(tensors.size()) {
    int64_t end = 0;
    for (size_t i = 0; i < tensors.size(); i++) ends_[i] = end += tensors[i].numel();
  }

  int64_t size() const { return ends_.empty() ? 0 : ends_.back(); }

  /// Calls visit(tensor, first, count) for the parts of the tensors that lie in [begin, end).
  template <typename Visit>
  void visit(int64_t begin, int64_t end, const Visit& visit) const {
    auto tensor = static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), begin) - ends_.begin());
    for (; begin < end; tensor++) {
      const int64_t stop = std::min(end, ends_[tensor]);
      if (stop == begin) continue;
      const int64_t start = tensor == 0 ? 0 : ends_[tensor - 1];
      visit(tensor, begin - start, stop - begin);
      begin = stop;
    }
  }

 private:
  std::vector<int64_t> ends_;  // where each tensor ends in the long array
};

/// Start of each tensor's data. An empty list (an unused kind of state) gives no pointers.
template <typename T>
std::vector<T*> pointers(at::TensorList tensors) {
  std::vector<T*> result;
  result.reserve(tensors.size());
  for (const auto& tensor : tensors) result.push_back(static_cast<T*>(tensor.data_ptr()));
  return result;
}

/// A list that is written to: every tensor must be like the parameter it belongs to.
void check(at::TensorList parameters, at::TensorList list, const char* name) {
  TORCH_CHECK(list.size() == parameters.size(), name, ": expected ", parameters.size(), " tensors, got ", list.size());
  for (size_t i = 0; i < list.size(); i++) {
    TORCH_CHECK(list[i].sizes() == parameters[i].sizes() && list[i].scalar_type() == parameters[0].scalar_type(), name,
                "[", i, "]: expected ", parameters[0].scalar_type(), parameters[i].sizes(), ", got ",
                list[i].scalar_type(), list[i].sizes());
    TORCH_CHECK(list[i].is_contiguous(), name, "[", i, "] is not contiguous");
  }
}

/// Gradients may come in any layout (autograd's choice), but of the parameters' shape and dtype.
std::vector<at::Tensor> contiguous(at::TensorList gradients) {
  std::vector<at::Tensor> result;
  result.reserve(gradients.size());
  for (const auto& gradient : gradients) result.push_back(gradient.contiguous());
  return result;
}

/// Checks, runs body(tensor, first, count) over all elements in parallel, and marks the parameters as changed, so that
/// a backward through a graph made before the step is refused.
template <typename Body>
void update(at::TensorList parameters, const Body& body) {
  const Flat flat(parameters);
  at::parallel_for(0, flat.size(), grain, [&](int64_t begin, int64_t end) { flat.visit(begin, end, body); });
  for (const auto& parameter : parameters)
    if (!parameter.is_inference()) parameter.unsafeGetTensorImpl()->bump_version();
}

// --- the loops, over one stretch of one tensor -------------------------------------------------------------------

struct AdamScalars {
  double scale, l2, decay, beta1, beta2, step, root_scale, eps;
};

template <typename T>
void adam_loop(T* __restrict p, const T* __restrict gradient, T* __restrict m, T* __restrict v, int64_t count,
               const AdamScalars& h) {
  const T scale = h.scale, l2 = h.l2, decay = h.decay, take1 = 1 - h.beta1, keep2 = h.beta2, take2 = 1 - h.beta2;
  const T step = h.step, root_scale = h.root_scale, eps = h.eps;
#pragma omp simd
  for (int64_t i = 0; i < count; i++) {
    const T g = scale * gradient[i] + l2 * p[i];
    const T mean = m[i] + take1 * (g - m[i]);
    const T square = keep2 * v[i] + take2 * g * g;
    m[i] = mean;
    v[i] = square;
    p[i] = decay * p[i] - step * mean / (std::sqrt(square) * root_scale + eps);
  }
}

struct SgdScalars {
  double scale, l2, decay, momentum, step;
  bool nesterov;
};

template <typename T, bool Momentum>
void sgd_loop(T* __restrict p, const T* __restrict gradient, T* __restrict b, int64_t count, const SgdScalars& h) {
  const T scale = h.scale, l2 = h.l2, decay = h.decay, momentum = h.momentum, step = h.step;
  const T gradient_share = h.nesterov ? 1 : 0, buffer_share = h.nesterov ? h.momentum : 1;
#pragma omp simd
  for (int64_t i = 0; i < count; i++) {
    T g = scale * gradient[i] + l2 * p[i];
    if constexpr (Momentum) {
      const T buffer = momentum * b[i] + g;
      b[i] = buffer;
      g = gradient_share * g + buffer_share * buffer;
    }
    p[i] = decay * p[i] - step * g;
  }
}

struct RmspropScalars {
  double scale, l2, decay, alpha, momentum, step, eps_inside, eps_outside;
};

template <typename T, bool Centered, bool Momentum>
void rmsprop_loop(T* __restrict p, const T* __restrict gradient, T* __restrict s, T* __restrict a, T* __restrict b,
                  int64_t count, const RmspropScalars& h) {
  const T scale = h.scale, l2 = h.l2, decay = h.decay, keep = h.alpha, take = 1 - h.alpha;
  const T momentum = h.momentum, step = h.step, inside = h.eps_inside, outside = h.eps_outside;
#pragma omp simd
  for (int64_t i = 0; i < count; i++) {
    const T g = scale * gradient[i] + l2 * p[i];
    T square = keep * s[i] + take * g * g;
    s[i] = square;
    if constexpr (Centered) {
      const T mean = a[i] + take * (g - a[i]);
      a[i] = mean;
      // A variance; rounding may take it just below zero.
      square = square - mean * mean;
      square = square > 0 ? square : 0;
    }
    T change = g / (std::sqrt(square + inside) + outside);
    if constexpr (Momentum) b[i] = change = momentum * b[i] + change;
    p[i] = decay * p[i] - step * change;
  }
}

template <typename T>
double square_sum(const T* x, int64_t count) {
  constexpr int64_t lanes = 32;  // independent sums: one alone would wait for its own last addition
  double sums[lanes] = {};
  const int64_t even = count - count % lanes;
  for (int64_t i = 0; i < even; i += lanes) {
#pragma omp simd
    for (int64_t j = 0; j < lanes; j++) sums[j] += static_cast<double>(x[i + j]) * static_cast<double>(x[i + j]);
  }
  for (int64_t i = even; i < count; i++) sums[i - even] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  double sum = 0;
  for (const double lane : sums) sum += lane;
  return sum;
}

// --- the operators ---------------------------------------------------------------------------------------------------

/// Adam and AdamW: p ← decay·p − step·m / (√v·root_scale + eps) with the moving averages m and v of g and g², where
/// g = scale·gradient + l2·p.
void adam_(at::TensorList parameters, at::TensorList gradients, at::TensorList means, at::TensorList squares,
           double scale, double l2, double decay, double beta1, double beta2, double step, double root_scale,
           double eps) {
  if (parameters.empty()) return;
  const auto dense = contiguous(gradients);
  check(parameters, parameters, "parameters");
  check(parameters, dense, "gradients");
  check(parameters, means, "exp_avg");
  check(parameters, squares, "exp_avg_sq");
  const AdamScalars scalars{scale, l2, decay, beta1, beta2, step, root_scale, eps};
  AT_DISPATCH_FLOATING_TYPES(parameters[0].scalar_type(), "tsumugi::adam_", [&] {
    using T = scalar_t;
    const auto p = pointers<T>(parameters), g = pointers<T>(dense), m = pointers<T>(means), v = pointers<T>(squares);
    update(parameters, [&](size_t k, int64_t first, int64_t count) {
      adam_loop<T>(p[k] + first, g[k] + first, m[k] + first, v[k] + first, count, scalars);
    });
  });
}

/// SGD: b ← momentum·b + g, p ← decay·p − step·b, where g = scale·gradient + l2·p; Nesterov's form steps along
/// g + momentum·b. Without buffers (no momentum) it steps along g.
void sgd_(at::TensorList parameters, at::TensorList gradients, at::TensorList buffers, double scale, double l2,
          double decay, double momentum, bool nesterov, double step) {
  if (parameters.empty()) return;
  const auto dense = contiguous(gradients);
  check(parameters, parameters, "parameters");
  check(parameters, dense, "gradients");
  if (!buffers.empty()) check(parameters, buffers, "momentum_buffer");
  const SgdScalars scalars{scale, l2, decay, momentum, step, nesterov};
  AT_DISPATCH_FLOATING_TYPES(parameters[0].scalar_type(), "tsumugi::sgd_", [&] {
    using T = scalar_t;
    const auto p = pointers<T>(parameters), g = pointers<T>(dense), b = pointers<T>(buffers);
    const auto loop = b.empty() ? &sgd_loop<T, false> : &sgd_loop<T, true>;
    update(parameters, [&](size_t k, int64_t first, int64_t count) {
      loop(p[k] + first, g[k] + first, b.empty() ? nullptr : b[k] + first, count, scalars);
    });
  });
}

/// RMSprop: s ← α·s + (1 − α)·g², u = g / (√(s − a² + eps_inside) + eps_outside), p ← decay·p − step·u, where
/// g = scale·gradient + l2·p. a is the moving average of g (centred) or 0; with momentum b ← momentum·b + u takes the
/// place of u.
void rmsprop_(at::TensorList parameters, at::TensorList gradients, at::TensorList squares, at::TensorList means,
              at::TensorList buffers, double scale, double l2, double decay, double alpha, double momentum, double step,
              double eps_inside, double eps_outside) {
  if (parameters.empty()) return;
  const auto dense = contiguous(gradients);
  check(parameters, parameters, "parameters");
  check(parameters, dense, "gradients");
  check(parameters, squares, "square_avg");
  if (!means.empty()) check(parameters, means, "grad_avg");
  if (!buffers.empty()) check(parameters, buffers, "momentum_buffer");
  const RmspropScalars scalars{scale, l2, decay, alpha, momentum, step, eps_inside, eps_outside};
  AT_DISPATCH_FLOATING_TYPES(parameters[0].scalar_type(), "tsumugi::rmsprop_", [&] {
    using T = scalar_t;
    const auto p = pointers<T>(parameters), g = pointers<T>(dense), s = pointers<T>(squares), a = pointers<T>(means),
               b = pointers<T>(buffers);
    const auto loop = a.empty() ? (b.empty() ? &rmsprop_loop<T, false, false> : &rmsprop_loop<T, false, true>)
                                : (b.empty() ? &rmsprop_loop<T, true, false> : &rmsprop_loop<T, true, true>);
    update(parameters, [&](size_t k, int64_t first, int64_t count) {
      loop(p[k] + first, g[k] + first, s[k] + first, a.empty() ? nullptr : a[k] + first,
           b.empty() ? nullptr : b[k] + first, count, scalars);
    });
  });
}

/// The 2-norm of all elements of all tensors, added up in float64 and in an order that only the sizes decide.
double global_norm(at::TensorList tensors) {
  if (tensors.empty()) return 0;
  const auto dense = contiguous(tensors);
  for (const auto& tensor : dense)
    TORCH_CHECK(tensor.scalar_type() == dense[0].scalar_type(), "expected tensors of one dtype, got ",
                dense[0].scalar_type(), " and ", tensor.scalar_type());
  const Flat flat(dense);
  std::vector<double> partial((flat.size() + norm_block - 1) / norm_block);
  AT_DISPATCH_FLOATING_TYPES(dense[0].scalar_type(), "tsumugi::global_norm", [&] {
    const auto data = pointers<scalar_t>(dense);
    at::parallel_for(0, static_cast<int64_t>(partial.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; block++) {
        double& sum = partial[block];
        flat.visit(block * norm_block, std::min((block + 1) * norm_block, flat.size()),
                   [&](size_t k, int64_t first, int64_t count) { sum += square_sum(data[k] + first, count); });
      }
    });
  });
  double sum = 0;
  for (const double value : partial) sum += value;
  return std::sqrt(sum);
}

}  // namespace
}  // namespace tsumugi

TORCH_LIBRARY_FRAGMENT(tsumugi, m) {
  m.def(
      "adam_(Tensor(a!)[] parameters, Tensor[] gradients, Tensor(b!)[] exp_avg, Tensor(c!)[] exp_avg_sq, float scale, "
      "float l2, float decay, float beta1, float beta2, float step, float root_scale, float eps) -> ()");
  m.def(
      "sgd_(Tensor(a!)[] parameters, Tensor[] gradients, Tensor(b!)[] momentum_buffer, float scale, float l2, "
      "float decay, float momentum, bool nesterov, float step) -> ()");
  m.def(
      "rmsprop_(Tensor(a!)[] parameters, Tensor[] gradients, Tensor(b!)[] square_avg, Tensor(c!)[] grad_avg, "
      "Tensor(d!)[] momentum_buffer, float scale, float l2, float decay, float alpha, float momentum, float step, "
      "float eps_inside, float eps_outside) -> ()");
  m.def("global_norm(Tensor[] tensors) -> float");
}

TORCH_LIBRARY_IMPL(tsumugi, CPU, m) {
  m.impl("adam_", &tsumugi::adam_);
  m.impl("sgd_", &tsumugi::sgd_);
  m.impl("rmsprop_", &tsumugi::rmsprop_);
  m.impl("global_norm", &tsumugi::global_norm);
}
