// What the mesh asks of NCCL. Apart from it, because NCCL's side needs headers of CUDA, which few builds have.
#pragma once
#include <ATen/ATen.h>
#include <torch/csrc/distributed/c10d/Store.hpp>
#include <torch/csrc/distributed/c10d/Work.hpp>

#include <memory>
#include <string>
#include <vector>

namespace tsumugi {

/// NCCL among the ranks of a group, each on a device of its own.
struct NcclGroup {
  virtual ~NcclGroup() = default;
  /// Begins what collectives.cc calls a collective, on a stream of NCCL's that waits for the current one. Null for one that NCCL is not asked for.
  virtual c10::intrusive_ptr<c10d::Work> begin(const std::string& collective, std::vector<at::Tensor> tensors, int root) = 0;
  /// To be called by all ranks, once nothing is under way.
  virtual void leave() = 0;
  /// Ends what is under way, at any time and from any thread.
  virtual void abort() = 0;
};

/// Leaves errors to us: NCCL's watchdog would otherwise end the process. To be called before other threads run.
void prepare_nccl();

/// Meets the other ranks; blocks until all have come, without an end of its own.
std::shared_ptr<NcclGroup> join_nccl(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size, at::Device device);

}  // namespace tsumugi
