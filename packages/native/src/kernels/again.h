// Second derivatives of kernels: a backward that is itself recorded goes through the operators that the kernel stands for.
#pragma once
#include <torch/csrc/autograd/autograd.h>

#include "kernel.h"

namespace tsumugi {

/// The gradients of `y`, made of `inputs` by operators, with a graph of their own where one is recorded.
///
/// @param edges how many results backward has; those after the inputs are undefined
inline variable_list gradients_again(AutogradContext* ctx, const at::Tensor& y, const variable_list& inputs,
                                     const at::Tensor& gradient, size_t edges) {
  variable_list asked, result(edges);
  std::vector<size_t> places;
  for (size_t i = 0; i < inputs.size() && i < edges; i++)
    if (ctx->needs_input_grad(i)) {
      places.push_back(i);
      asked.push_back(inputs[i]);
    }
  const variable_list found =
      torch::autograd::grad({y}, asked, {gradient}, /*retain_graph=*/true, /*create_graph=*/true);
  for (size_t i = 0; i < places.size(); i++) result[places[i]] = found[i];
  return result;
}

}  // namespace tsumugi
