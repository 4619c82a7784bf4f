// tsumugi::rows_linear: x·Wᵀ for a few rows of x, as in decoding.
#include "kernel.h"
#include "rows_linear.h"

namespace tsumugi {
namespace {

template <typename T>
void linear_outputs_of(const RowsLinear<T>& of, int64_t begin, int64_t end) {
  using Vector = typename Register<T>::type;
  const at::Tensor memory =
      at::empty({linear_outputs * of.rows * Register<T>::width}, at::TensorOptions(c10::CppTypeToScalarType<T>::value));
  linear_strips(of, begin, end, reinterpret_cast<Vector*>(memory.data_ptr<T>()));
}

at::Tensor rows_linear(const at::Tensor& x, const at::Tensor& weight) {
  TORCH_CHECK(x.dim() == 2 && weight.dim() == 2 && x.size(1) == weight.size(1) && x.scalar_type() == weight.scalar_type(),
              "rows_linear: expected x [R, K] and weight [N, K] of one dtype, got ", x.sizes(), " and ", weight.sizes());
  at::Tensor y = at::empty({x.size(0), weight.size(0)}, x.options());
  if (y.numel() == 0) return y;
  const Rows in = rows_of(x), table = rows_of(weight);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "rows_linear", [&] {
    const RowsLinear<scalar_t> of{x.size(0), x.size(1), weight.size(0), in.data<scalar_t>(), table.data<scalar_t>(),
                                  in.stride, table.stride, y.data_ptr<scalar_t>()};
    const int64_t strips = (of.outputs + linear_outputs - 1) / linear_outputs;
    at::parallel_for(0, strips, grain_of_rows(of.depth * linear_outputs * of.rows), [&](int64_t begin, int64_t end) {
      linear_outputs_of(of, begin * linear_outputs, std::min(of.outputs, end * linear_outputs));
    });
  });
  return y;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(tsumugi, library) { library.def("rows_linear(Tensor x, Tensor weight) -> Tensor"); }
TORCH_LIBRARY_IMPL(tsumugi, CPU, library) { library.impl("rows_linear", rows_linear); }

}  // namespace tsumugi
