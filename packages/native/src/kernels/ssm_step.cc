// One token of the state-space recurrence, for decoding: one pass over the state, which is updated in place.
#include "kernel.h"
#include "vector_math.h"

namespace tsumugi {
namespace {

template <typename T>
struct Step {
  int64_t batch, heads, dim, size;  // B, m, P, N
  T* state;                         // [B, m, P, N]
  const T *x, *dt, *A, *B, *C, *D;  // [B, m, P], [B, m], [m], [B, N], [B, N], [m]
  T* y;                             // [B, m, P]
};

template <typename T>
void step_head(const Step<T>& step, int64_t b, int64_t h) {
  const int64_t N = step.size, i = b * step.heads + h;
  const T decay = fast_exp(step.dt[i] * step.A[h]);
  const T *in = step.B + b * N, *read = step.C + b * N;
  for (int64_t row = i * step.dim; row < (i + 1) * step.dim; row++) {
    T* s = step.state + row * N;
    const T inflow = step.dt[i] * step.x[row];
    T y = 0;
#pragma omp simd reduction(+ : y)
    for (int64_t n = 0; n < N; n++) {
      const T next = s[n] * decay + inflow * in[n];
      s[n] = next;
      y += next * read[n];
    }
    step.y[row] = y + step.D[h] * step.x[row];
  }
}

at::Tensor ssm_step(at::Tensor& state, const at::Tensor& x, const at::Tensor& dt, const at::Tensor& A, const at::Tensor& B,
                    const at::Tensor& C, const at::Tensor& D) {
  TORCH_CHECK(state.dim() == 4 && state.is_contiguous(), "ssm_step: state must be a contiguous [B, m, P, N], it is ",
              state.sizes());
  const int64_t batch = state.size(0), heads = state.size(1), dim = state.size(2), N = state.size(3);
  const auto expect = [&](const at::Tensor& tensor, const char* name, std::initializer_list<int64_t> sizes) {
    TORCH_CHECK(tensor.sizes() == at::IntArrayRef(sizes) && tensor.scalar_type() == state.scalar_type(), "ssm_step: ", name,
                " must be ", at::IntArrayRef(sizes), " in the state's dtype, it is ", tensor.sizes());
    return tensor.contiguous();
  };
  const at::Tensor x_ = expect(x, "x", {batch, heads, dim}), dt_ = expect(dt, "dt", {batch, heads}),
                   A_ = expect(A, "A", {heads}), B_ = expect(B, "B", {batch, N}), C_ = expect(C, "C", {batch, N}),
                   D_ = expect(D, "D", {heads});
  at::Tensor y = at::empty({batch, heads, dim}, x.options());
  AT_DISPATCH_FLOATING_TYPES(state.scalar_type(), "ssm_step", [&] {
    using T = scalar_t;
    const Step<T> step{batch, heads, dim, N, state.data_ptr<T>(), x_.data_ptr<T>(), dt_.data_ptr<T>(), A_.data_ptr<T>(),
                       B_.data_ptr<T>(), C_.data_ptr<T>(), D_.data_ptr<T>(), y.data_ptr<T>()};
    at::parallel_for(0, batch * heads, grain_of_rows(dim * N), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) step_head(step, i / heads, i % heads);
    });
  });
  return y;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(tsumugi, library) {
  library.def(
      "ssm_step(Tensor(a!) state, Tensor x, Tensor dt, Tensor A, Tensor B, Tensor C, Tensor D) -> Tensor");
}
TORCH_LIBRARY_IMPL(tsumugi, CPU, library) { library.impl("ssm_step", ssm_step); }

}  // namespace tsumugi
