// Tensors that several threads of the process look at: one leaves it here under a number, others take it up by that.
#include <mutex>
#include <unordered_map>

#include "addon.h"

namespace tsumugi {
namespace {

std::mutex guard;
// Never destroyed: when the process ends, libtorch may be gone first.
auto& shared = *new std::unordered_map<int64_t, at::Tensor>();
int64_t last = 0;

/// share(handle) → the number under which other threads find its memory.
napi_value share(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  at::Tensor tensor = to_tensor(env, arguments[0], "tensor").variable_data();
  const std::lock_guard<std::mutex> lock(guard);
  shared.emplace(++last, std::move(tensor));
  return from_double(env, static_cast<double>(last));
}

/// shared(number) → handle of a tensor over the same memory, with a gradient of its own.
napi_value take_up(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  const int64_t number = to_int64(env, arguments[0], "number");
  const std::lock_guard<std::mutex> lock(guard);
  const auto found = shared.find(number);
  if (found == shared.end())
    throw CallError{"bad-argument", "nothing is shared under the number " + std::to_string(number)};
  // Not `detach`, which shares the count of changes: then backward of one thread would refuse what another changed in place.
  return from_handle(env, keep(found->second.variable_data()));
}

/// unshare(number): nobody takes it up any more; who has done so keeps it.
napi_value unshare(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  const std::lock_guard<std::mutex> lock(guard);
  shared.erase(to_int64(env, arguments[0], "number"));
  return undefined(env);
}

}  // namespace

std::vector<Export> sharing_exports() {
  return {{"share", entry<share>}, {"shared", entry<take_up>}, {"unshare", entry<unshare>}};
}

}  // namespace tsumugi
