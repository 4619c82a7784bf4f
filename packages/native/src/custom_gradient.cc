// Tensors whose derivative JavaScript gives: a node of libtorch's graph that calls a function when backward comes to it.
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/csrc/autograd/variable.h>

#include <ATen/core/grad_mode.h>

#include <memory>
#include <thread>
#include <type_traits>

#include "addon.h"
#include "backward.h"

namespace tsumugi {
namespace {

using torch::autograd::SavedVariable;
using torch::autograd::variable_list;

thread_local int64_t live_nodes = 0;
/// Where the function that is being called puts its results.
thread_local variable_list* results_of_call = nullptr;

struct CustomGradient : torch::autograd::Node {
  Function function;
  std::thread::id thread = std::this_thread::get_id();
  std::vector<SavedVariable> saved;

  CustomGradient(napi_env env, napi_value backward) : function(env, backward) { live_nodes++; }
  ~CustomGradient() override { live_nodes--; }
  std::string name() const override { return "customGradient"; }
  void release_variables() override {
    for (SavedVariable& each : saved) each.reset_data();
  }

  variable_list apply(variable_list&& gradients) override {
    TORCH_CHECK(!at::GradMode::is_enabled(),
                "customGradient: the gradient of its gradient is not implemented; do not pass createGraph");
    TORCH_CHECK(std::this_thread::get_id() == thread,
                "customGradient: this libtorch goes backward on a thread of its own, where no JavaScript can be called");
    for (size_t i = 0; i < gradients.size(); i++)
      if (!gradients[i].defined()) gradients[i] = input_metadata(i).zeros_like();
    variable_list kept, results;
    for (SavedVariable& each : saved) kept.push_back(each.unpack());

    const napi_env env = function.env();
    const HandleScope handles(env);
    const napi_value arguments[2] = {from_tensors(env, std::move(gradients)), from_tensors(env, std::move(kept))};
    variable_list* const before = results_of_call;
    results_of_call = &results;
    const bool ended = function.call(2, arguments);
    results_of_call = before;
    // The JavaScript error stays pending while the C++ one unwinds through libtorch's engine.
    if (!ended) throw std::runtime_error("customGradient: backward threw");
    return results;
  }
};

/// Owned as this libtorch's nodes are: newer ones count by themselves who has them. Deletes itself as every node does: a long chain of them does
/// not recurse.
template <typename T>
auto own(T* node) {
  if constexpr (std::is_base_of_v<c10::intrusive_ptr_target, T>)
    return c10::intrusive_ptr<T>::unsafe_steal_from_new(node);
  else
    return std::shared_ptr<T>(node, [](T* each) { deleteNode(each); });
}

/// customGradient(inputs, outputs, saved, backward) → the outputs as functions of the inputs. `backward(gradients, saved)` has to call
/// `giveGradients`.
napi_value custom_gradient(napi_env env, napi_callback_info info) {
  Arguments<4> arguments(env, info);
  const variable_list inputs = to_tensors(env, arguments[0], "inputs");
  variable_list outputs = to_tensors(env, arguments[1], "outputs");
  for (at::Tensor& output : outputs) output = output.detach();
  if (at::GradMode::is_enabled() && torch::autograd::any_variable_requires_grad(inputs)) {
    auto node = own(new CustomGradient(env, arguments[3]));
    node->set_next_edges(torch::autograd::collect_next_edges(inputs));
    // Detached, since what is saved of the outputs would otherwise hold this node.
    for (const at::Tensor& each : to_tensors(env, arguments[2], "saved")) node->saved.emplace_back(each.detach(), false);
    for (at::Tensor& output : outputs) torch::autograd::set_history(output, node);
  }
  return from_tensors(env, std::move(outputs));
}

/// giveGradients(gradients): what a backward function found.
napi_value give_gradients(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  if (!results_of_call) throw CallError{"bad-argument", "giveGradients: no backward is called"};
  *results_of_call = to_tensors(env, arguments[0], "gradients");
  return undefined(env);
}

}  // namespace

bool calls_javascript() { return live_nodes > 0; }

std::vector<Export> custom_gradient_exports() {
  return {{"customGradient", entry<custom_gradient>}, {"giveGradients", entry<give_gradients>}};
}

}  // namespace tsumugi
