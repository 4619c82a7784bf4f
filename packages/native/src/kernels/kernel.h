// What the kernels share: access to rows, block sizes that do not depend on the number of threads, and gradient guards.
#pragma once
#include "compiler.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <vector>

namespace tsumugi {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using OptionalTensor = c10::optional<at::Tensor>;

inline at::Tensor value_or_undefined(const OptionalTensor& tensor) { return tensor ? *tensor : at::Tensor(); }

/// Elements that make it worth waking another thread.
constexpr int64_t parallel_elements = 16384;

/// Rows of at least `parallel_elements` elements together, for at::parallel_for.
inline int64_t grain_of_rows(int64_t row_length) {
  return std::max<int64_t>(1, parallel_elements / std::max<int64_t>(1, row_length));
}

/// The last dimension as contiguous rows at one distance from each other.
struct Rows {
  at::Tensor tensor;  // owns the data; a copy when the strides did not fit
  int64_t count;
  int64_t length;
  int64_t stride;

  template <typename T>
  T* data() const { return tensor.data_ptr<T>(); }
};

inline Rows rows_of(const at::Tensor& tensor) {
  const int64_t dims = tensor.dim();
  const int64_t length = tensor.size(-1);
  const int64_t count = length == 0 ? 0 : tensor.numel() / length;
  int64_t stride = -1;        // not known before a dimension of more than one row
  int64_t rows_inside = 1;    // rows in one step of the dimension at hand
  bool uniform = length <= 1 || tensor.stride(-1) == 1;
  for (int64_t d = dims - 2; uniform && d >= 0; d--) {
    if (tensor.size(d) == 1) continue;
    if (stride < 0) stride = tensor.stride(d);
    else uniform = tensor.stride(d) == stride * rows_inside;
    rows_inside *= tensor.size(d);
  }
  if (uniform) return {tensor, count, length, stride < 0 ? length : stride};
  return {tensor.contiguous(), count, length, length};
}

/// How `count` rows are cut into blocks whose partial sums are added in order: the same for every number of threads.
struct Blocks {
  int64_t rows;   // per block
  int64_t count;  // of blocks

  explicit Blocks(int64_t num_rows, int64_t least = 16, int64_t most = 64)
      : rows(std::max(least, (num_rows + most - 1) / most)), count((num_rows + rows - 1) / rows) {}
  int64_t begin(int64_t block) const { return block * rows; }
  int64_t end(int64_t block, int64_t num_rows) const { return std::min(num_rows, (block + 1) * rows); }
};

/// The sum over the first dimension of [blocks, n], as [n], in order and in f64. libtorch's own sums may depend on the
/// number of threads.
inline at::Tensor sum_of_blocks(const at::Tensor& partial) {
  const int64_t blocks = partial.size(0), n = blocks == 0 ? 0 : partial.numel() / blocks;
  at::Tensor sum = at::zeros(partial.sizes().slice(1), partial.options());
  AT_DISPATCH_FLOATING_TYPES(partial.scalar_type(), "sum_of_blocks", [&] {
    const scalar_t* in = partial.data_ptr<scalar_t>();
    std::vector<double> total(n, 0.0);
    for (int64_t block = 0; block < blocks; block++)
      for (int64_t i = 0; i < n; i++) total[i] += in[block * n + i];
    std::copy(total.begin(), total.end(), sum.data_ptr<scalar_t>());
  });
  return sum;
}

/// For each token of int32 [B, T], where its document starts in its row. A document is a run of equal numbers: one that
/// comes again after another is a new document.
inline at::Tensor starts_of_documents(const at::Tensor& documents) {
  const at::Tensor ids = documents.contiguous();
  at::Tensor starts = at::empty(ids.sizes(), ids.options());
  const int64_t length = ids.size(1);
  for (int64_t b = 0; b < ids.size(0); b++) {
    const int* in = ids.data_ptr<int>() + b * length;
    int* out = starts.data_ptr<int>() + b * length;
    for (int64_t t = 0; t < length; t++) out[t] = t > 0 && in[t] == in[t - 1] ? out[t - 1] : static_cast<int>(t);
  }
  return starts;
}

/// Our backward functions are not differentiable themselves: say so instead of returning a constant.
inline void refuse_double_backward(const char* name) {
  TORCH_CHECK(!at::GradMode::is_enabled(), name, ": the gradient of its gradient is not implemented; "
              "do not pass createGraph, or use the plain twin");
}

}  // namespace tsumugi
