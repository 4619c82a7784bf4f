// Second derivatives of kernels: a backward that is itself recorded goes through the operators that the kernel stands for.
#pragma once
#include <torch/csrc/autograd/autograd.h>

#include "kernel.h"

namespace tsumugi {

/// The gradients by those of `inputs` that are asked for, recorded, through `forward`: operators that make the outputs of inputs.
///
/// @param gradients of the outputs; undefined ones are of outputs that nothing depends on
/// @param edges how many results backward has; those after the inputs are undefined
template <typename Forward>
variable_list gradients_again(AutogradContext* ctx, const variable_list& inputs, const variable_list& gradients,
                              size_t edges, const Forward& forward) {
  const at::AutoGradMode on(true);
  // One input may be made of another, which the engine would follow: aliases end at the inputs of this very call.
  variable_list aliases, asked, outputs, known, result(edges);
  for (const auto& input : inputs) aliases.push_back(input.view_as(input));
  const variable_list made = forward(aliases);
  for (size_t i = 0; i < made.size(); i++) {
    if (!gradients[i].defined()) continue;
    outputs.push_back(made[i]);
    known.push_back(gradients[i]);
  }
  std::vector<size_t> places;
  for (size_t i = 0; i < inputs.size(); i++) {
    if (!ctx->needs_input_grad(i)) continue;
    places.push_back(i);
    asked.push_back(aliases[i]);
  }
  const variable_list found = torch::autograd::grad(outputs, asked, known, /*retain_graph=*/true,
                                                    /*create_graph=*/true, /*allow_unused=*/true);
  for (size_t i = 0; i < places.size(); i++) result[places[i]] = found[i];
  return result;
}

}  // namespace tsumugi
