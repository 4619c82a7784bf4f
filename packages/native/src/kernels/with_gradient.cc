// tsumugi::with_gradient: a scalar whose derivatives are already known, for forward passes that compute them on the way.
// Any device: nothing here is arithmetic of our own.
#include "kernel.h"

namespace tsumugi {
namespace {

at::Tensor value_alone(const at::Tensor& value, at::TensorList, at::TensorList) { return value.detach().clone(); }

struct WithGradient : torch::autograd::Function<WithGradient> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& value, at::TensorList inputs,
                            const variable_list& gradients) {
    context->save_for_backward(gradients);
    context->saved_data["inputs"] = static_cast<int64_t>(inputs.size());
    return value.detach().clone();
  }
  /// One result for value, one for each input, one for the list of gradients, which libtorch does not look into.
  static variable_list backward(AutogradContext* context, const variable_list& incoming) {
    refuse_double_backward("with_gradient");
    const variable_list saved = context->get_saved_variables();
    variable_list results(1 + context->saved_data["inputs"].toInt() + 1);
    for (size_t i = 0; i < saved.size(); i++)
      if (context->needs_input_grad(1 + i)) results[1 + i] = saved[i].mul(incoming[0]);
    return results;
  }
};

at::Tensor with_gradient(const at::Tensor& value, at::TensorList inputs, at::TensorList gradients) {
  TORCH_CHECK(inputs.size() == gradients.size(), "with_gradient: ", inputs.size(), " inputs, but ", gradients.size(),
              " gradients");
  for (size_t i = 0; i < inputs.size(); i++)
    TORCH_CHECK(inputs[i].sizes() == gradients[i].sizes(), "with_gradient: input ", i, " is ", inputs[i].sizes(),
                ", its gradient ", gradients[i].sizes());
  return WithGradient::apply(value, inputs, gradients.vec());
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(tsumugi, library) {
  library.def("with_gradient(Tensor value, Tensor[] inputs, Tensor[] gradients) -> Tensor");
}
TORCH_LIBRARY_IMPL(tsumugi, CompositeExplicitAutograd, library) { library.impl("with_gradient", value_alone); }
TORCH_LIBRARY_IMPL(tsumugi, Autograd, library) { library.impl("with_gradient", with_gradient); }

}  // namespace tsumugi
