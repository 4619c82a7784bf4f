// What every file of the bridge shares: Node-API helpers, the handle slab, and the functions each file exports.
#pragma once
#include "compiler.h"

#include <node_api.h>

#include <ATen/ATen.h>

#include <exception>
#include <string>
#include <vector>

namespace tsumugi {

// --- the slab: a JavaScript tensor is a small integer that indexes it -------------------------------------------

using Handle = int32_t;  // 0 is "no tensor"

Handle keep(at::Tensor tensor);
void release(Handle handle);
int64_t live_handles();

/// The tensor behind a handle, or null when the handle was released (or never given out).
const at::Tensor* lookup(Handle handle);

// --- Node-API -----------------------------------------------------------------------------------------------------

/// A mistake in a call, to be thrown as a JavaScript Error with this code. A std::exception, since what an allocation throws
/// passes through libtorch's autograd engine and its threads, which know no others.
struct CallError : std::exception {
  const char* code;
  std::string message;
  CallError(const char* error_code, std::string text) : code(error_code), message(std::move(text)) {}
  const char* what() const noexcept override { return message.c_str(); }
};

/// Runs `body` and turns every C++ exception into a JavaScript one.
napi_value guarded(napi_env env, napi_value (*body)(napi_env, napi_callback_info), napi_callback_info info) noexcept;

template <napi_value (*Body)(napi_env, napi_callback_info)>
napi_value entry(napi_env env, napi_callback_info info) {
  return guarded(env, Body, info);
}

/// The arguments of a call; missing ones are undefined.
template <size_t N>
struct Arguments {
  napi_value values[N];
  size_t count = N;
  Arguments(napi_env env, napi_callback_info info) { napi_get_cb_info(env, info, &count, values, nullptr, nullptr); }
  napi_value operator[](size_t i) const { return values[i]; }
};

bool is_nullish(napi_env env, napi_value value);
double to_double(napi_env env, napi_value value, const char* what);
int64_t to_int64(napi_env env, napi_value value, const char* what);
bool to_bool(napi_env env, napi_value value, const char* what);
std::string to_string(napi_env env, napi_value value, const char* what);
const at::Tensor& to_tensor(napi_env env, napi_value value, const char* what);
/// An array of handles; a null element becomes an undefined tensor.
std::vector<at::Tensor> to_tensors(napi_env env, napi_value value, const char* what);
std::vector<int64_t> to_ints(napi_env env, napi_value value, const char* what);
/// The bytes of an ArrayBuffer or of a view of one.
std::pair<uint8_t*, size_t> to_bytes(napi_env env, napi_value value, const char* what);

napi_value from_double(napi_env env, double value);
napi_value from_handle(napi_env env, Handle handle);
napi_value from_bool(napi_env env, bool value);
napi_value from_string(napi_env env, const std::string& value);
napi_value from_ints(napi_env env, at::IntArrayRef values);
napi_value undefined(napi_env env);
/// An array of new handles, 0 for an undefined tensor.
napi_value from_tensors(napi_env env, std::vector<at::Tensor> tensors);

/// A JavaScript function that C++ keeps and calls later, on the thread it comes from.
class Function {
 public:
  Function(napi_env env, napi_value function);
  ~Function();
  Function(const Function&) = delete;
  Function& operator=(const Function&) = delete;
  napi_env env() const { return env_; }
  /// → whether it came to its end; if not, its error stays pending while a C++ one unwinds through libtorch's engine. Within a handle scope.
  bool call(size_t count, const napi_value* arguments) const;

 private:
  napi_env env_;
  napi_ref reference_ = nullptr;
};

/// Handles of JavaScript that are made in it go with it.
struct HandleScope {
  napi_env env;
  napi_handle_scope handles;
  explicit HandleScope(napi_env of) : env(of) { napi_open_handle_scope(env, &handles); }
  ~HandleScope() { napi_close_handle_scope(env, handles); }
};

struct Export {
  const char* name;
  napi_callback callback;
};

// One list per file, gathered in addon.cc.
std::vector<Export> dispatch_exports();
std::vector<Export> storage_exports();
std::vector<Export> sharing_exports();
std::vector<Export> autograd_exports();
std::vector<Export> checkpoint_exports();
std::vector<Export> memory_exports();
std::vector<Export> random_exports();
std::vector<Export> system_exports();
std::vector<Export> signal_exports();
std::vector<Export> mesh_exports();
std::vector<Export> hook_exports();
std::vector<Export> custom_gradient_exports();

/// Puts our caching allocator in front of libtorch's CPU allocator; must run before the first tensor is made.
void install_allocator();

/// Makes libtorch's engine ask us what to do with each tensor that is saved for backward.
void install_checkpointing();

}  // namespace tsumugi
