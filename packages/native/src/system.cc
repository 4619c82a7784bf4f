// What this libtorch is and can do: version, threads, devices, the BLAS behind it, and the machine's measured peaks.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>
#include <torch/version.h>

#include "addon.h"
#include "kernels/peak.h"

namespace tsumugi {
namespace {

napi_value version(napi_env env, napi_callback_info) {
  napi_value result;
  napi_create_object(env, &result);
  napi_set_named_property(env, result, "torch", from_string(env, TORCH_VERSION));
  napi_set_named_property(env, result, "cuda", from_bool(env, at::hasCUDA()));
  const int devices = at::hasCUDA() ? c10::impl::VirtualGuardImpl(at::kCUDA).deviceCount() : 0;
  napi_set_named_property(env, result, "cudaDevices", from_double(env, devices));
  napi_set_named_property(env, result, "mkl", from_bool(env, at::hasMKL()));
  return result;
}

/// blasCore() → the core OpenBLAS chose, "" when the BLAS is not OpenBLAS.
napi_value blas_core(napi_env env, napi_callback_info) {
  auto* corename = reinterpret_cast<char* (*)()>(dlsym(RTLD_DEFAULT, "openblas_get_corename"));
  if (!corename) {
    // Node loads addons with local symbol scope: ask the library itself when it is already mapped.
    if (void* library = dlopen("libblas.so.3", RTLD_LAZY | RTLD_NOLOAD))
      corename = reinterpret_cast<char* (*)()>(dlsym(library, "openblas_get_corename"));
  }
  return from_string(env, corename ? corename() : "");
}

napi_value threads(napi_env env, napi_callback_info) { return from_double(env, at::get_num_threads()); }

napi_value set_threads(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  at::set_num_threads(static_cast<int>(to_int64(env, arguments[0], "threads")));
  return nullptr;
}

/// measureFma(threads) → GFLOP/s of f32 fused multiply-adds at the width the kernels were compiled for.
napi_value measure_fma(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  return from_double(env, tsumugi_fma_peak(static_cast<int>(to_int64(env, arguments[0], "threads")), 0.1));
}

/// measureBandwidth(threads) → GB/s of streaming reads from memory.
napi_value measure_bandwidth(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  return from_double(env, tsumugi_memory_bandwidth(static_cast<int>(to_int64(env, arguments[0], "threads")), size_t{1} << 28));
}

}  // namespace

std::vector<Export> system_exports() {
  return {{"version", entry<version>},        {"blasCore", entry<blas_core>},     {"threads", entry<threads>},
          {"setThreads", entry<set_threads>}, {"measureFma", entry<measure_fma>}, {"measureBandwidth", entry<measure_bandwidth>}};
}

}  // namespace tsumugi
