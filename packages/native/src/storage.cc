// Tensors from and to bytes: copies of JavaScript memory, views of memory-mapped files, and what a tensor is.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "addon.h"

namespace tsumugi {
namespace {

struct Mapping {
  void* data = nullptr;
  size_t length = 0;
  ~Mapping() {
    if (length) munmap(data, length);
  }
};
using SharedMapping = std::shared_ptr<Mapping>;

at::ScalarType to_dtype(napi_env env, napi_value value) {
  return static_cast<at::ScalarType>(to_int64(env, value, "dtype"));
}

/// fromBytes(bytes, dtype, sizes) → handle of a copy.
napi_value from_bytes(napi_env env, napi_callback_info info) {
  Arguments<3> arguments(env, info);
  const auto [bytes, length] = to_bytes(env, arguments[0], "bytes");
  const auto sizes = to_ints(env, arguments[2], "sizes");
  at::Tensor tensor = at::empty(sizes, at::TensorOptions().dtype(to_dtype(env, arguments[1])));
  if (tensor.nbytes() != length)
    throw CallError{"bad-argument", "fromBytes: " + std::to_string(length) + " bytes given, the shape needs " +
                                        std::to_string(tensor.nbytes())};
  if (length) std::memcpy(tensor.data_ptr(), bytes, length);
  return from_handle(env, keep(std::move(tensor)));
}

/// toBytes(handle) → ArrayBuffer with a copy of the elements in row-major order.
napi_value to_buffer(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  const at::Tensor tensor = to_tensor(env, arguments[0], "tensor").detach().to(at::kCPU).contiguous();
  void* data;
  napi_value buffer;
  if (napi_create_arraybuffer(env, tensor.nbytes(), &data, &buffer) != napi_ok) throw std::bad_alloc();
  if (tensor.nbytes()) std::memcpy(data, tensor.data_ptr(), tensor.nbytes());
  return buffer;
}

/// item(handle) → the one element, as a number (a boolean tensor gives a boolean).
napi_value item(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  const at::Scalar value = to_tensor(env, arguments[0], "tensor").item();
  return value.isBoolean() ? from_bool(env, value.toBool()) : from_double(env, value.toDouble());
}

napi_value sizes(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  return from_ints(env, to_tensor(env, arguments[0], "tensor").sizes());
}

napi_value strides(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  return from_ints(env, to_tensor(env, arguments[0], "tensor").strides());
}

napi_value dtype(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  return from_double(env, static_cast<double>(to_tensor(env, arguments[0], "tensor").scalar_type()));
}

napi_value device(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  return from_string(env, to_tensor(env, arguments[0], "tensor").device().str());
}

napi_value is_contiguous(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  return from_bool(env, to_tensor(env, arguments[0], "tensor").is_contiguous());
}

void finalize_mapping(napi_env, void* data, void*) { delete static_cast<SharedMapping*>(data); }
void finalize_mapping_buffer(napi_env, void*, void* hint) { delete static_cast<SharedMapping*>(hint); }

/// mapFile(path) → external that owns the mapping. Pages are private: writing to a tensor over them never reaches the file.
napi_value map_file(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  const std::string path = to_string(env, arguments[0], "path");
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (descriptor < 0 || fstat(descriptor, &status) != 0) {
    const int code = errno;
    if (descriptor >= 0) close(descriptor);
    throw CallError{"cannot-open", path + ": " + std::strerror(code)};
  }
  auto mapping = std::make_shared<Mapping>();
  if (status.st_size > 0) {
    void* data = mmap(nullptr, status.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0);
    const int code = errno;
    if (data == MAP_FAILED) {
      close(descriptor);
      throw CallError{"cannot-map", path + ": " + std::strerror(code)};
    }
    mapping->data = data;
    mapping->length = status.st_size;
  }
  close(descriptor);
  napi_value external;
  napi_create_external(env, new SharedMapping(std::move(mapping)), finalize_mapping, nullptr, &external);
  return external;
}

SharedMapping& to_mapping(napi_env env, napi_value value) {
  void* data = nullptr;
  if (napi_get_value_external(env, value, &data) != napi_ok) throw CallError{"bad-argument", "expected a mapped file"};
  return *static_cast<SharedMapping*>(data);
}

/// mappedBytes(mapping) → ArrayBuffer over the whole file, without a copy.
napi_value mapped_bytes(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  SharedMapping& mapping = to_mapping(env, arguments[0]);
  napi_value buffer;
  if (mapping->length == 0) {
    void* data;
    napi_create_arraybuffer(env, 0, &data, &buffer);
    return buffer;
  }
  auto* owner = new SharedMapping(mapping);
  if (napi_create_external_arraybuffer(env, mapping->data, mapping->length, finalize_mapping_buffer, owner, &buffer) != napi_ok) {
    delete owner;
    throw CallError{"cannot-map", "this JavaScript engine does not allow external buffers"};
  }
  return buffer;
}

/// mappedTensor(mapping, byteOffset, dtype, sizes) → handle of a tensor over the file's own pages.
napi_value mapped_tensor(napi_env env, napi_callback_info info) {
  Arguments<4> arguments(env, info);
  SharedMapping mapping = to_mapping(env, arguments[0]);
  const auto offset = static_cast<size_t>(to_int64(env, arguments[1], "byteOffset"));
  const auto type = to_dtype(env, arguments[2]);
  const auto shape = to_ints(env, arguments[3], "sizes");
  size_t bytes = c10::elementSize(type);
  for (const int64_t size : shape) bytes *= static_cast<size_t>(size);
  if (offset > mapping->length || bytes > mapping->length - offset)
    throw CallError{"bad-argument", "mappedTensor: the file ends before the tensor does"};
  const auto options = at::TensorOptions().dtype(type);
  if (bytes == 0) return from_handle(env, keep(at::empty(shape, options)));
  at::Tensor tensor = at::from_blob(static_cast<uint8_t*>(mapping->data) + offset, shape, [mapping](void*) {}, options);
  return from_handle(env, keep(std::move(tensor)));
}

/// releasePages(mapping): the pages that were touched go out of the process's memory, and are read again when they are touched again.
/// What was written over them is lost.
napi_value release_pages(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  SharedMapping& mapping = to_mapping(env, arguments[0]);
  if (mapping->length > 0 && madvise(mapping->data, mapping->length, MADV_DONTNEED) != 0)
    throw CallError{"cannot-map", std::strerror(errno)};
  return nullptr;
}

/// freeStorage(handle): the memory under a tensor goes, that of all tensors over it. None may be read or written until it is made again.
napi_value free_storage(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  const at::Tensor& tensor = to_tensor(env, arguments[0], "tensor");
  c10::StorageImpl* storage = tensor.storage().unsafeGetStorageImpl();
  if (!storage->resizable()) throw CallError{"bad-argument", "freeStorage: this memory is not the tensor's own"};
  storage->set_data_ptr_noswap(at::DataPtr(nullptr, tensor.device()));
  storage->set_nbytes(size_t{0});
  return undefined(env);
}

/// makeStorage(handle, bytes): memory under a tensor whose own was freed, and under all tensors over it. What is in it is not known.
napi_value make_storage(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  const at::Tensor& tensor = to_tensor(env, arguments[0], "tensor");
  const auto bytes = static_cast<size_t>(to_int64(env, arguments[1], "bytes"));
  c10::StorageImpl* storage = tensor.storage().unsafeGetStorageImpl();
  if (storage->nbytes() != 0) throw CallError{"bad-argument", "makeStorage: there is memory already"};
  storage->set_data_ptr_noswap(storage->allocator()->allocate(bytes));
  storage->set_nbytes(bytes);
  return undefined(env);
}

}  // namespace

std::vector<Export> storage_exports() {
  return {{"fromBytes", entry<from_bytes>},
          {"toBytes", entry<to_buffer>},
          {"item", entry<item>},
          {"sizes", entry<sizes>},
          {"strides", entry<strides>},
          {"dtype", entry<dtype>},
          {"device", entry<device>},
          {"isContiguous", entry<is_contiguous>},
          {"mapFile", entry<map_file>},
          {"mappedBytes", entry<mapped_bytes>},
          {"mappedTensor", entry<mapped_tensor>},
          {"releasePages", entry<release_pages>},
          {"freeStorage", entry<free_storage>},
          {"makeStorage", entry<make_storage>}};
}

}  // namespace tsumugi
