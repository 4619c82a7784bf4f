// tsumugi::reserve: zeros whose memory is taken page by page, when it is first written. For pools, which are made as large as they
// may become; they do not count as live bytes.
#include <sys/mman.h>

#include <ATen/ATen.h>
#include <torch/library.h>

namespace tsumugi {
namespace {

at::Tensor reserve(const at::Tensor& like, at::IntArrayRef sizes) {
  int64_t count = 1;
  for (const int64_t size : sizes) {
    TORCH_CHECK(size > 0, "reserve: sizes must be positive, got ", sizes);
    count *= size;
  }
  const auto bytes = static_cast<size_t>(count) * like.element_size();
#ifdef MAP_NORESERVE
  constexpr int lazily = MAP_NORESERVE;
#else
  constexpr int lazily = 0;
#endif
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | lazily, -1, 0);
  TORCH_CHECK(data != MAP_FAILED, "reserve: no address space for ", bytes, " bytes");
  return at::from_blob(data, sizes, [bytes](void* block) { munmap(block, bytes); }, like.options());
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(tsumugi, library) { library.def("reserve(Tensor like, int[] sizes) -> Tensor"); }
TORCH_LIBRARY_IMPL(tsumugi, CPU, library) { library.impl("reserve", reserve); }

}  // namespace tsumugi
