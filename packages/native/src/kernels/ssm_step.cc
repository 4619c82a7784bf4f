// One token of the state-space recurrence for each of several rows, for decoding: one pass over each row's state. Rows are taken in
// order, head by head, so that what a row gives does not depend on the others.
#include "kernel.h"
#include "slots.h"
#include "vector_math.h"

namespace tsumugi {
namespace {

template <typename T>
struct Step {
  int64_t rows, heads, dim, size;      // R, m, P, N
  T* states;                           // [S, m, P, N]
  const T *x, *dt, *bias, *A, *B, *C, *D;  // [R, m, P], [R, m], [m], [m], [R, N], [R, N], [m]
  T* y;                                // [R, m, P]
};

/// ln(1 + e^x), as libtorch has it.
template <typename T>
T softplus(T x) {
  return x > T(20) ? x : std::log1p(std::exp(x));
}

template <typename T>
void step_head(const Step<T>& step, int64_t r, int64_t h, int64_t from, int64_t to) {
  const int64_t N = step.size, i = r * step.heads + h, state_rows = step.heads * step.dim;
  const T delta = softplus(step.dt[i] + step.bias[h]);
  const T decay = fast_exp(delta * step.A[h]);
  const T *in = step.B + r * N, *read = step.C + r * N;
  for (int64_t p = 0; p < step.dim; p++) {
    const T* s = step.states + (from * state_rows + h * step.dim + p) * N;
    T* next = step.states + (to * state_rows + h * step.dim + p) * N;
    const T x = step.x[i * step.dim + p], inflow = delta * x;
    T y = 0;
#pragma omp simd reduction(+ : y)
    for (int64_t n = 0; n < N; n++) {
      const T value = s[n] * decay + inflow * in[n];
      next[n] = value;
      y += value * read[n];
    }
    step.y[i * step.dim + p] = y + step.D[h] * x;
  }
}

at::Tensor ssm_step(at::Tensor& states, const at::Tensor& x, const at::Tensor& dt, const at::Tensor& bias, const at::Tensor& A,
                    const at::Tensor& B, const at::Tensor& C, const at::Tensor& D, at::IntArrayRef from, at::IntArrayRef to) {
  TORCH_CHECK(states.dim() == 4 && states.is_contiguous() && x.dim() == 3,
              "ssm_step: expected x [R, m, P] and contiguous states [S, m, P, N], got ", x.sizes(), " and ", states.sizes());
  const int64_t rows = x.size(0), heads = states.size(1), dim = states.size(2), N = states.size(3);
  const auto expect = [&](const at::Tensor& tensor, const char* name, std::initializer_list<int64_t> sizes) {
    TORCH_CHECK(tensor.sizes() == at::IntArrayRef(sizes) && tensor.scalar_type() == states.scalar_type(), "ssm_step: ", name,
                " must be ", at::IntArrayRef(sizes), " in the states' dtype, it is ", tensor.sizes());
    return tensor.contiguous();
  };
  const at::Tensor x_ = expect(x, "x", {rows, heads, dim}), dt_ = expect(dt, "dt", {rows, heads}),
                   bias_ = expect(bias, "bias", {heads}), A_ = expect(A, "A", {heads}), B_ = expect(B, "B", {rows, N}),
                   C_ = expect(C, "C", {rows, N}), D_ = expect(D, "D", {heads});
  const Slots slots("ssm_step", from, to, rows, states.size(0));
  at::Tensor y = at::empty({rows, heads, dim}, x.options());
  AT_DISPATCH_FLOATING_TYPES(states.scalar_type(), "ssm_step", [&] {
    using T = scalar_t;
    const Step<T> step{rows, heads, dim, N, states.data_ptr<T>(), x_.data_ptr<T>(), dt_.data_ptr<T>(), bias_.data_ptr<T>(),
                       A_.data_ptr<T>(), B_.data_ptr<T>(), C_.data_ptr<T>(), D_.data_ptr<T>(), y.data_ptr<T>()};
    at::parallel_for(0, heads, grain_of_rows(rows * dim * N), [&](int64_t begin, int64_t end) {
      for (int64_t r = 0; r < rows; r++)
        for (int64_t h = begin; h < end; h++) step_head(step, r, h, slots.from[r], slots.to[r]);
    });
  });
  return y;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(tsumugi, library) {
  library.def(
      "ssm_step(Tensor(a!) states, Tensor x, Tensor dt, Tensor bias, Tensor A, Tensor B, Tensor C, Tensor D, int[] from, "
      "int[] to) -> Tensor");
}
TORCH_LIBRARY_IMPL(tsumugi, CPU, library) { library.impl("ssm_step", ssm_step); }

}  // namespace tsumugi
