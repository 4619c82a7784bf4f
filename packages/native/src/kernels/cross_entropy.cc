// tsumugi::cross_entropy_: softmax cross-entropy and the log-sum-exp penalty of a block of logits, which it replaces by
// their gradient. Three passes over a row that stays in the cache: maximum, exponentials with their sum, gradient.
#include <cmath>
#include <limits>

#include "kernel.h"
#include "vector_math.h"

namespace tsumugi {
namespace {

/// One row's loss and log-sum-exp. When `scale` is not 0 the row becomes scale·d(loss + z_loss·lse²)/dlogits.
template <typename T>
void row_loss(T* row, int64_t classes, int64_t target, T z_loss, bool gradient, T scale, double& loss, double& logsumexp) {
  T maximum = -std::numeric_limits<T>::infinity();
#pragma omp simd reduction(max : maximum)
  for (int64_t i = 0; i < classes; i++) maximum = row[i] > maximum ? row[i] : maximum;
  const T at_target = row[target];
  T sum = 0;
  if (!gradient) {
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < classes; i++) sum += fast_exp(row[i] - maximum);
  } else {
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < classes; i++) {
      row[i] = fast_exp(row[i] - maximum);
      sum += row[i];
    }
  }
  logsumexp = static_cast<double>(maximum) + std::log(static_cast<double>(sum));
  loss = logsumexp - static_cast<double>(at_target);
  if (!gradient) return;
  const T factor = scale * (T(1) + T(2) * z_loss * T(logsumexp)) / sum;
#pragma omp simd
  for (int64_t i = 0; i < classes; i++) row[i] *= factor;
  row[target] -= scale;
}

/// logits [N, V] dense rows, targets [N] int64 (`ignore` takes no part). Returns [Σ loss, Σ lse²] in f64; with
/// `gradient` the logits become the gradient of scale·Σ(loss + z_loss·lse²), zero rows for ignored targets.
at::Tensor cross_entropy_(at::Tensor& logits, const at::Tensor& targets, int64_t ignore, double z_loss, double scale,
                          bool gradient) {
  TORCH_CHECK(logits.dim() == 2 && targets.dim() == 1 && targets.size(0) == logits.size(0) &&
                  targets.scalar_type() == at::kLong,
              "cross_entropy_: expected logits [N,V] and int64 targets [N], got ", logits.sizes(), " and ", targets.sizes());
  TORCH_CHECK(logits.size(1) > 0 && logits.stride(1) == 1, "cross_entropy_: the rows of the logits must be dense");
  const int64_t count = logits.size(0), classes = logits.size(1), stride = logits.stride(0);
  const at::Tensor wanted = targets.contiguous();
  const int64_t* const target = wanted.data_ptr<int64_t>();
  for (int64_t n = 0; n < count; n++)
    TORCH_CHECK_INDEX(target[n] == ignore || (target[n] >= 0 && target[n] < classes), "target ", target[n],
                      " is not one of the ", classes, " classes");
  // Rows are summed in order afterwards, so the result does not depend on the number of threads.
  std::vector<double> losses(count, 0), normalizers(count, 0);
  AT_DISPATCH_FLOATING_TYPES(logits.scalar_type(), "cross_entropy_", [&] {
    scalar_t* const data = logits.data_ptr<scalar_t>();
    at::parallel_for(0, count, grain_of_rows(classes), [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; n++) {
        scalar_t* row = data + n * stride;
        if (target[n] != ignore)
          row_loss<scalar_t>(row, classes, target[n], z_loss, gradient, scale, losses[n], normalizers[n]);
        else if (gradient)
          std::fill(row, row + classes, scalar_t(0));
      }
    });
  });
  double loss = 0, squares = 0;
  for (int64_t n = 0; n < count; n++) {
    loss += losses[n];
    squares += normalizers[n] * normalizers[n];
  }
  at::Tensor sums = at::empty({2}, at::TensorOptions().dtype(at::kDouble));
  sums.data_ptr<double>()[0] = loss;
  sums.data_ptr<double>()[1] = squares;
  return sums;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(tsumugi, library) {
  library.def(
      "cross_entropy_(Tensor(a!) logits, Tensor targets, int ignore, float z_loss, float scale, bool gradient) -> Tensor");
}
TORCH_LIBRARY_IMPL(tsumugi, CPU, library) { library.impl("cross_entropy_", cross_entropy_); }

}  // namespace tsumugi
