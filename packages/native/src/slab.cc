// The slab of live tensors. A handle is an index; released places are reused. The main thread and each worker that loads the
// addon have a slab of their own: handles do not cross threads.
#include "addon.h"

namespace tsumugi {

static thread_local std::vector<at::Tensor> slab(1);  // place 0 stays empty: handle 0 means "no tensor"
static thread_local std::vector<Handle> vacant;

Handle keep(at::Tensor tensor) {
  if (!tensor.defined()) return 0;
  if (vacant.empty()) {
    slab.push_back(std::move(tensor));
    return static_cast<Handle>(slab.size() - 1);
  }
  const Handle handle = vacant.back();
  vacant.pop_back();
  slab[handle] = std::move(tensor);
  return handle;
}

void release(Handle handle) {
  if (!lookup(handle)) return;
  slab[handle].reset();
  vacant.push_back(handle);
}

const at::Tensor* lookup(Handle handle) {
  if (handle <= 0 || static_cast<size_t>(handle) >= slab.size()) return nullptr;
  const at::Tensor& tensor = slab[handle];
  return tensor.defined() ? &tensor : nullptr;
}

int64_t live_handles() { return static_cast<int64_t>(slab.size() - 1 - vacant.size()); }

}  // namespace tsumugi
