// Entry points of libtorch's autograd engine that are not operators.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>

#include <ATen/core/grad_mode.h>

#include "addon.h"
#include "backward.h"

namespace tsumugi {
namespace {

napi_value requires_grad(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  return from_bool(env, to_tensor(env, arguments[0], "tensor").requires_grad());
}

napi_value set_requires_grad(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  to_tensor(env, arguments[0], "tensor").set_requires_grad(to_bool(env, arguments[1], "requiresGrad"));
  return nullptr;
}

napi_value is_leaf(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  return from_bool(env, to_tensor(env, arguments[0], "tensor").is_leaf());
}

/// gradOf(handle) → handle of the accumulated gradient, 0 when there is none.
napi_value grad_of(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  return from_handle(env, keep(to_tensor(env, arguments[0], "tensor").grad()));
}

/// setGrad(handle, gradient | null)
napi_value set_grad(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  at::Tensor gradient;
  if (!is_nullish(env, arguments[1])) gradient = to_tensor(env, arguments[1], "gradient");
  to_tensor(env, arguments[0], "tensor").mutable_grad() = gradient;
  return nullptr;
}

/// setGradEnabled(on) → what it was.
napi_value set_grad_enabled(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  const bool before = at::GradMode::is_enabled();
  at::GradMode::set_enabled(to_bool(env, arguments[0], "enabled"));
  return from_bool(env, before);
}

/// backward(outputs, gradients, retainGraph): adds into the .grad of every leaf.
napi_value backward(napi_env env, napi_callback_info info) {
  Arguments<3> arguments(env, info);
  Backward running;
  torch::autograd::backward(to_tensors(env, arguments[0], "outputs"), to_tensors(env, arguments[1], "gradients"),
                            to_bool(env, arguments[2], "retainGraph"));
  return nullptr;
}

/// grad(outputs, inputs, gradients, retainGraph, createGraph, allowUnused) → handles, 0 for an unused input.
napi_value grad(napi_env env, napi_callback_info info) {
  Arguments<6> arguments(env, info);
  Backward running;
  const auto gradients = torch::autograd::grad(
      to_tensors(env, arguments[0], "outputs"), to_tensors(env, arguments[1], "inputs"),
      to_tensors(env, arguments[2], "gradients"), to_bool(env, arguments[3], "retainGraph"),
      to_bool(env, arguments[4], "createGraph"), to_bool(env, arguments[5], "allowUnused"));
  return from_tensors(env, gradients);
}

}  // namespace

std::vector<Export> autograd_exports() {
  return {{"requiresGrad", entry<requires_grad>},
          {"setRequiresGrad", entry<set_requires_grad>},
          {"isLeaf", entry<is_leaf>},
          {"gradOf", entry<grad_of>},
          {"setGrad", entry<set_grad>},
          {"setGradEnabled", entry<set_grad_enabled>},
          {"backward", entry<backward>},
          {"grad", entry<grad>}};
}

}  // namespace tsumugi
