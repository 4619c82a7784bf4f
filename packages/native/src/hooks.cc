// Hears of gradients while backward goes on: a function is called as soon as a parameter's `.grad` has all that this backward adds.
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <unordered_map>

#include "addon.h"

namespace tsumugi {
namespace {

bool call(const Function& listener, int64_t number) {
  const HandleScope handles(listener.env());
  const napi_value argument = from_double(listener.env(), static_cast<double>(number));
  return listener.call(1, &argument);
}

struct AfterGradient : torch::autograd::FunctionPostHook {
  std::shared_ptr<Function> listener;
  int64_t index;

  AfterGradient(std::shared_ptr<Function> heard_by, int64_t number) : listener(std::move(heard_by)), index(number) {}

  torch::autograd::variable_list operator()(const torch::autograd::variable_list& outputs,
                                            const torch::autograd::variable_list&) override {
    if (!call(*listener, index)) throw std::runtime_error("what heard of a gradient threw");
    return outputs;
  }
};

struct Heard {
  decltype(torch::autograd::impl::grad_accumulator(at::Tensor())) node;  // a tensor holds its own only weakly
  uintptr_t key;
};
thread_local int64_t last_hearing = 0;
thread_local auto& hearings = *new std::unordered_map<int64_t, std::vector<Heard>>();

/// onGradients(parameters, function) → hearing. `function(i)` is called when parameter i has its gradient.
napi_value on_gradients(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  const auto listener = std::make_shared<Function>(env, arguments[1]);
  const auto parameters = to_tensors(env, arguments[0], "parameters");
  std::vector<Heard> heard;
  for (size_t i = 0; i < parameters.size(); i++) {
    auto node = torch::autograd::impl::grad_accumulator(parameters[i]);
    if (!node) throw CallError{"bad-argument", "parameters[" + std::to_string(i) + "] is no leaf that requires a gradient"};
    const uintptr_t key = node->add_post_hook(std::make_unique<AfterGradient>(listener, static_cast<int64_t>(i)));
    heard.push_back({std::move(node), key});
  }
  hearings.emplace(++last_hearing, std::move(heard));
  return from_double(env, static_cast<double>(last_hearing));
}

/// offGradients(hearing)
napi_value off_gradients(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  const auto found = hearings.find(to_int64(env, arguments[0], "hearing"));
  if (found == hearings.end()) return undefined(env);
  for (auto& [node, key] : found->second) node->del_post_hook(key);
  hearings.erase(found);
  return undefined(env);
}

/// onGradientOf(tensor, function): `function(0)` is called each time a backward has the gradient of this tensor, before it goes on to what
/// made the tensor. For as long as the graph lives.
napi_value on_gradient_of(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  const at::Tensor& tensor = to_tensor(env, arguments[0], "tensor");
  if (!tensor.requires_grad()) throw CallError{"bad-argument", "onGradientOf: this tensor has no gradient"};
  const auto listener = std::make_shared<Function>(env, arguments[1]);
  tensor.register_hook([listener](const at::Tensor&) {
    if (!call(*listener, 0)) throw std::runtime_error("what heard of a gradient threw");
  });
  return undefined(env);
}

}  // namespace

bool hears_gradients() { return !hearings.empty(); }

std::vector<Export> hook_exports() {
  return {{"onGradients", entry<on_gradients>}, {"offGradients", entry<off_gradients>}, {"onGradientOf", entry<on_gradient_of>}};
}

}  // namespace tsumugi
