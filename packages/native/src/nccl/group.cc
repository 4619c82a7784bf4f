// NCCL's side of the mesh. In a file that is compiled by itself: CUDA's headers define macros that others stumble over.
#include "group.h"

#define USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <thread>

namespace tsumugi {
namespace {

class Group : public NcclGroup {
 public:
  explicit Group(c10::intrusive_ptr<c10d::ProcessGroupNCCL> nccl) : nccl_(std::move(nccl)) {}

  c10::intrusive_ptr<c10d::Work> begin(const std::string& name, std::vector<at::Tensor> tensors, int root) override {
    if (name == "sum" || name == "max") {
      c10d::AllreduceOptions options;
      options.reduceOp = name == "sum" ? c10d::ReduceOp::SUM : c10d::ReduceOp::MAX;
      return nccl_->allreduce(tensors, options);
    }
    if (name == "broadcast") {
      c10d::BroadcastOptions options;
      options.rootRank = root;
      return nccl_->broadcast(tensors, options);
    }
    if (name == "allGather") return nccl_->_allgather_base(tensors[0], tensors[1]);
    if (name == "reduceScatter") return nccl_->_reduce_scatter_base(tensors[0], tensors[1]);
    return {};
  }

  void leave() override { nccl_->shutdown(); }
  void abort() override { nccl_->abort(); }

 private:
  c10::intrusive_ptr<c10d::ProcessGroupNCCL> nccl_;
};

}  // namespace

void prepare_nccl() { setenv("TORCH_NCCL_ASYNC_ERROR_HANDLING", "0", 0); }

std::shared_ptr<NcclGroup> join_nccl(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size, at::Device device) {
  auto options = c10d::ProcessGroupNCCL::Options::create();
  // Timeouts are the mesh's. NCCL's own would come first, and end the process without a word to the others.
  options->timeout = std::chrono::hours(24 * 365);
  auto group = std::make_shared<Group>(c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, options));
  // The first collective is what makes them meet.
  at::NoGradGuard no_grad;
  auto work = group->begin("sum", {at::zeros({1}, at::TensorOptions(device))}, 0);
  while (!work->isCompleted()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (const auto error = work->exception()) std::rethrow_exception(error);
  return group;
}

}  // namespace tsumugi
