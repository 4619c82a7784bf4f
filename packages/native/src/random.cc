// Random streams: libtorch generators held by JavaScript objects, with their state as bytes.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

#include <cstring>
#include <mutex>

#include "addon.h"

namespace tsumugi {
namespace {

void finalize(napi_env, void* data, void*) { delete static_cast<at::Generator*>(data); }

at::Generator& to_generator(napi_env env, napi_value value) {
  void* data = nullptr;
  if (napi_get_value_external(env, value, &data) != napi_ok) throw CallError{"bad-argument", "expected a Generator"};
  return *static_cast<at::Generator*>(data);
}

/// generator(device, seed) → external. On an accelerator it is that device's own default stream, reseeded.
napi_value generator(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  const c10::Device device(to_string(env, arguments[0], "device"));
  const auto seed = static_cast<uint64_t>(to_int64(env, arguments[1], "seed"));
  at::Generator result;
  if (device.is_cpu()) {
    result = at::detail::createCPUGenerator(seed);
  } else {
    result = at::globalContext().defaultGenerator(device).clone();
    result.set_current_seed(seed);
  }
  napi_value external;
  napi_create_external(env, new at::Generator(std::move(result)), finalize, nullptr, &external);
  return external;
}

napi_value generator_state(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  const at::Tensor state = to_generator(env, arguments[0]).get_state();
  void* data;
  napi_value buffer;
  napi_create_arraybuffer(env, state.nbytes(), &data, &buffer);
  std::memcpy(data, state.data_ptr(), state.nbytes());
  return buffer;
}

napi_value set_generator_state(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  const auto [bytes, length] = to_bytes(env, arguments[1], "state");
  at::Tensor state = at::empty({static_cast<int64_t>(length)}, at::kByte);
  std::memcpy(state.data_ptr(), bytes, length);
  to_generator(env, arguments[0]).set_state(state);
  return nullptr;
}

}  // namespace

std::vector<Export> random_exports() {
  return {{"generator", entry<generator>},
          {"generatorState", entry<generator_state>},
          {"setGeneratorState", entry<set_generator_state>}};
}

}  // namespace tsumugi
