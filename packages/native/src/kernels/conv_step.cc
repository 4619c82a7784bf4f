// One token of the depthwise causal convolution with SiLU for each of several rows, for decoding. Rows are taken in order, over
// blocks of channels that do not depend on their number.
#include "conv_taps.h"
#include "kernel.h"
#include "slots.h"
#include "vector_math.h"

namespace tsumugi {
namespace {

template <typename T>
struct ConvStep {
  int64_t rows, channels, k;
  T* states;      // [S, k − 1, C]: the inputs before, oldest first
  const T *u, *taps;  // [R, C], [k, C]
  T* y;           // [R, C]
};

template <typename T>
void step_channels(const ConvStep<T>& step, const Slots& slots, int64_t begin, int64_t end) {
  const int64_t C = step.channels, k = step.k, count = end - begin, size = (k - 1) * C;
  const T* seen[max_taps];
  for (int64_t r = 0; r < step.rows; r++) {
    const T* from = step.states + slots.from[r] * size + begin;
    T* to = step.states + slots.to[r] * size + begin;
    const T* u = step.u + r * C + begin;
    T* y = step.y + r * C + begin;
    for (int64_t j = 0; j < k - 1; j++) seen[j] = from + j * C;
    seen[k - 1] = u;
    weighted_rows(k, seen, step.taps + begin, C, count, y);
#pragma omp simd
    for (int64_t c = 0; c < count; c++) y[c] = silu(y[c]);
    for (int64_t j = 0; j < k - 1; j++) std::copy(seen[j + 1], seen[j + 1] + count, to + j * C);
  }
}

at::Tensor conv_step(at::Tensor& states, const at::Tensor& u, const at::Tensor& weight, at::IntArrayRef from,
                     at::IntArrayRef to) {
  TORCH_CHECK(u.dim() == 2 && weight.dim() == 3 && weight.size(0) == u.size(1) && weight.size(1) == 1 && weight.size(2) >= 2 &&
                  weight.size(2) <= max_taps && states.dim() == 3 && states.is_contiguous() &&
                  states.size(1) == weight.size(2) - 1 && states.size(2) == u.size(1),
              "conv_step: expected u [R, C], weight [C, 1, k] with k from 2 to ", max_taps,
              " and contiguous states [S, k - 1, C], got ", u.sizes(), ", ", weight.sizes(), " and ", states.sizes());
  TORCH_CHECK(states.scalar_type() == u.scalar_type() && weight.scalar_type() == u.scalar_type(),
              "conv_step: all must have one dtype");
  const int64_t rows = u.size(0), channels = u.size(1), k = weight.size(2);
  const Slots slots("conv_step", from, to, rows, states.size(0));
  const at::Tensor in = u.contiguous(), taps = weight.select(1, 0).t().contiguous();
  at::Tensor y = at::empty({rows, channels}, u.options());
  constexpr int64_t block = 1024;
  AT_DISPATCH_FLOATING_TYPES(u.scalar_type(), "conv_step", [&] {
    using T = scalar_t;
    const ConvStep<T> step{rows, channels, k, states.data_ptr<T>(), in.data_ptr<T>(), taps.data_ptr<T>(), y.data_ptr<T>()};
    const int64_t blocks = (channels + block - 1) / block;
    at::parallel_for(0, blocks, grain_of_rows(rows * block), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) step_channels(step, slots, i * block, std::min(channels, (i + 1) * block));
    });
  });
  return y;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(tsumugi, library) {
  library.def("conv_step(Tensor(a!) states, Tensor u, Tensor weight, int[] from, int[] to) -> Tensor");
}
TORCH_LIBRARY_IMPL(tsumugi, CPU, library) { library.impl("conv_step", conv_step); }

}  // namespace tsumugi
