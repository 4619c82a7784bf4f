// Registers every export and holds the Node-API conversions the other files use.
#include "addon.h"

#include <c10/util/Exception.h>

namespace tsumugi {

napi_value guarded(napi_env env, napi_value (*body)(napi_env, napi_callback_info), napi_callback_info info) noexcept {
  try {
    return body(env, info);
  } catch (const CallError& error) {
    napi_throw_error(env, error.code, error.message.c_str());
  } catch (const c10::Error& error) {
    napi_throw_error(env, "libtorch", error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    napi_throw_error(env, "out-of-memory", "the machine has no memory left for this tensor");
  } catch (const std::exception& error) {
    napi_throw_error(env, "libtorch", error.what());
  } catch (...) {
    napi_throw_error(env, "libtorch", "an unknown C++ exception");
  }
  return nullptr;
}

static std::string type_name(napi_env env, napi_value value) {
  napi_valuetype type;
  napi_typeof(env, value, &type);
  static const char* names[] = {"undefined", "null",   "boolean",  "number",   "string",
                                "symbol",    "object", "function", "external", "bigint"};
  return names[type];
}

[[noreturn]] static void mismatch(napi_env env, napi_value value, const char* what, const char* expected) {
  throw CallError{"bad-argument", std::string(what) + ": expected " + expected + ", got " + type_name(env, value)};
}

bool is_nullish(napi_env env, napi_value value) {
  napi_valuetype type;
  napi_typeof(env, value, &type);
  return type == napi_undefined || type == napi_null;
}

double to_double(napi_env env, napi_value value, const char* what) {
  double result;
  if (napi_get_value_double(env, value, &result) != napi_ok) mismatch(env, value, what, "a number");
  return result;
}

int64_t to_int64(napi_env env, napi_value value, const char* what) {
  double number;
  if (napi_get_value_double(env, value, &number) == napi_ok) {
    const auto result = static_cast<int64_t>(number);
    if (static_cast<double>(result) != number) mismatch(env, value, what, "an integer");
    return result;
  }
  int64_t result;
  bool lossless;
  if (napi_get_value_bigint_int64(env, value, &result, &lossless) != napi_ok || !lossless)
    mismatch(env, value, what, "an integer");
  return result;
}

bool to_bool(napi_env env, napi_value value, const char* what) {
  bool result;
  if (napi_get_value_bool(env, value, &result) != napi_ok) mismatch(env, value, what, "a boolean");
  return result;
}

std::string to_string(napi_env env, napi_value value, const char* what) {
  size_t length;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) mismatch(env, value, what, "a string");
  std::string result(length, '\0');
  napi_get_value_string_utf8(env, value, result.data(), length + 1, &length);
  return result;
}

const at::Tensor& to_tensor(napi_env env, napi_value value, const char* what) {
  Handle handle;
  if (napi_get_value_int32(env, value, &handle) != napi_ok) mismatch(env, value, what, "a Tensor");
  const at::Tensor* tensor = lookup(handle);
  if (!tensor) throw CallError{"disposed", std::string(what) + ": this tensor was already freed"};
  return *tensor;
}

static uint32_t array_length(napi_env env, napi_value value, const char* what, const char* expected) {
  uint32_t length;
  if (napi_get_array_length(env, value, &length) != napi_ok) mismatch(env, value, what, expected);
  return length;
}

std::vector<at::Tensor> to_tensors(napi_env env, napi_value value, const char* what) {
  const uint32_t length = array_length(env, value, what, "an array of Tensors");
  std::vector<at::Tensor> result;
  result.reserve(length);
  for (uint32_t i = 0; i < length; i++) {
    napi_value element;
    napi_get_element(env, value, i, &element);
    result.push_back(is_nullish(env, element) ? at::Tensor() : to_tensor(env, element, what));
  }
  return result;
}

std::vector<int64_t> to_ints(napi_env env, napi_value value, const char* what) {
  const uint32_t length = array_length(env, value, what, "an array of integers");
  std::vector<int64_t> result(length);
  for (uint32_t i = 0; i < length; i++) {
    napi_value element;
    napi_get_element(env, value, i, &element);
    result[i] = to_int64(env, element, what);
  }
  return result;
}

std::pair<uint8_t*, size_t> to_bytes(napi_env env, napi_value value, const char* what) {
  void* data = nullptr;
  size_t length = 0;
  bool is = false;
  napi_is_typedarray(env, value, &is);
  if (is) {
    napi_typedarray_type type;
    napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr);
    static const size_t widths[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 2};
    return {static_cast<uint8_t*>(data), length * widths[type]};
  }
  napi_is_arraybuffer(env, value, &is);
  if (!is) mismatch(env, value, what, "a typed array or an ArrayBuffer");
  napi_get_arraybuffer_info(env, value, &data, &length);
  return {static_cast<uint8_t*>(data), length};
}

napi_value from_double(napi_env env, double value) {
  napi_value result;
  napi_create_double(env, value, &result);
  return result;
}

napi_value from_handle(napi_env env, Handle handle) {
  napi_value result;
  napi_create_int32(env, handle, &result);
  return result;
}

napi_value from_bool(napi_env env, bool value) {
  napi_value result;
  napi_get_boolean(env, value, &result);
  return result;
}

napi_value from_string(napi_env env, const std::string& value) {
  napi_value result;
  napi_create_string_utf8(env, value.data(), value.size(), &result);
  return result;
}

napi_value from_ints(napi_env env, at::IntArrayRef values) {
  napi_value result;
  napi_create_array_with_length(env, values.size(), &result);
  for (size_t i = 0; i < values.size(); i++) napi_set_element(env, result, i, from_double(env, static_cast<double>(values[i])));
  return result;
}

napi_value from_tensors(napi_env env, std::vector<at::Tensor> tensors) {
  napi_value array;
  napi_create_array_with_length(env, tensors.size(), &array);
  for (size_t i = 0; i < tensors.size(); i++) napi_set_element(env, array, i, from_handle(env, keep(std::move(tensors[i]))));
  return array;
}

// Graphs may outlive the thread whose functions they keep.
static thread_local bool environment_ended = false;

Function::Function(napi_env env, napi_value function) : env_(env) { napi_create_reference(env, function, 1, &reference_); }

Function::~Function() {
  if (!environment_ended) napi_delete_reference(env_, reference_);
}

bool Function::call(size_t count, const napi_value* arguments) const {
  napi_value function, global, ignored;
  napi_get_reference_value(env_, reference_, &function);
  napi_get_global(env_, &global);
  return napi_call_function(env_, global, function, count, arguments, &ignored) == napi_ok;
}

static void watch_environment(napi_env env) {
  napi_add_env_cleanup_hook(env, [](void*) { environment_ended = true; }, nullptr);
}

napi_value undefined(napi_env env) {
  napi_value result;
  napi_get_undefined(env, &result);
  return result;
}

}  // namespace tsumugi

NAPI_MODULE_INIT() {
  using namespace tsumugi;
  install_allocator();
  watch_environment(env);
  install_checkpointing();
  for (const auto& list : {dispatch_exports(), storage_exports(), autograd_exports(), checkpoint_exports(), memory_exports(), random_exports(),
                           system_exports(), signal_exports(), sharing_exports(), mesh_exports(), hook_exports(), custom_gradient_exports()}) {
    for (const auto& item : list) {
      napi_value function;
      napi_create_function(env, item.name, NAPI_AUTO_LENGTH, item.callback, nullptr, &function);
      napi_set_named_property(env, exports, item.name, function);
    }
  }
  return exports;
}
