// Collectives over Gloo and NCCL (collectives.h). Works on the CPU are waited for by a thread of the group, those on a device there.
#include "mesh/collectives.h"

#include "addon.h"
#include "mesh/pulse.h"

#if defined(TSUMUGI_MESH)
#include <ATen/Parallel.h>
#include <omp.h>

#include <algorithm>

namespace tsumugi::ranks {

void wait_for_works(const std::shared_ptr<Group>& group) {
  at::get_num_threads();   // sets the number for this thread, once
  omp_set_num_threads(1);  // what is added up here is added beside a training that has the cores
  at::NoGradGuard no_grad;
  std::unique_lock<std::mutex> lock(mesh.mutex);
  while (true) {
    group->came.wait(lock, [&] { return group->closing || !group->queue.empty(); });
    if (group->queue.empty()) return;
    auto [job, body] = std::move(group->queue.front());
    group->queue.pop_front();
    lock.unlock();
    std::string error = error_of(body);
    body = nullptr;
    finish(job, std::move(error));
    lock.lock();
  }
}

using WorkPtr = c10::intrusive_ptr<c10d::Work>;

#if defined(TSUMUGI_NCCL)
namespace {

/// NCCL of a group, on the device. The first time it blocks until all ranks have met, one has given up, or the timeout is over.
NcclGroup& nccl_of(Group& group, at::Device device) {
  if (!group.nccl) {
    auto job = std::make_shared<Job>();
    auto joined = std::make_shared<std::shared_ptr<NcclGroup>>();
    const int place = static_cast<int>(std::find(group.ranks.begin(), group.ranks.end(), mesh.rank) - group.ranks.begin());
    const int size = static_cast<int>(group.ranks.size());
    // NCCL waits for the others without an end, so on a thread that can be left behind.
    std::thread([job, joined, place, size, device, store = group.nccl_store] {
      finish(job, error_of([&] { *joined = join_nccl(store, place, size, device); }));
    }).detach();
    std::unique_lock<std::mutex> lock(mesh.mutex);
    const auto deadline = steady_clock::now() + mesh.timeout;
    mesh.changed.wait_until(lock, deadline, [&] { return job->done || !mesh.failure.empty(); });
    if (!job->done) throw std::runtime_error(mesh.failure.empty() ? "timed out" : "given up");
    if (!job->error.empty()) throw std::runtime_error(job->error);
    group.nccl = *joined;
    group.device = device;
  }
  if (group.device != device)
    throw CallError{"bad-argument", "the collectives of this group are on " + group.device.str() + ", not on " + device.str()};
  return *group.nccl;
}

/// Waits until the device has done the work. NCCL's own wait only orders streams, so that whoever next asks the device for a number would
/// hang when a rank is gone. Here nothing but NCCL's own stream ever waits for the others.
std::function<void()> until_done(const WorkPtr& work, const std::vector<at::Tensor>& tensors) {
  return [work, tensors] {
    while (!work->isCompleted()) {
      {
        const std::lock_guard<std::mutex> lock(mesh.mutex);
        if (!mesh.failure.empty()) throw std::runtime_error("given up");
      }
      std::this_thread::sleep_for(kPoll);
    }
    if (const auto error = work->exception()) std::rethrow_exception(error);
  };
}

}  // namespace
#endif

void abort_nccl() {
#if defined(TSUMUGI_NCCL)
  std::vector<std::shared_ptr<NcclGroup>> all;
  {
    const std::lock_guard<std::mutex> lock(mesh.mutex);
    if (mesh.failure.empty() || mesh.aborted) return;
    mesh.aborted = true;
    for (auto& [_, group] : mesh.groups)
      if (group->nccl) all.push_back(group->nccl);
  }
  if (all.empty()) return;
  within(kStill, [all] {
    for (const auto& nccl : all) nccl->abort();
  });
#endif
}

namespace {

/// What NCCL is not asked for: it wants sends and receives of all ranks in an order that does not block, which ours need not have. So they go
/// over Gloo, by way of the CPU's memory.
std::function<void()> by_way_of_cpu(Group& group, const std::string& name, const at::Tensor& tensor, int peer) {
  std::vector<at::Tensor> host{name == "send" ? tensor.cpu() : at::empty(tensor.sizes(), tensor.options().device(at::kCPU))};
  if (name == "send") {
    WorkPtr work = group.gloo->send(host, peer, 0);
    return [work, host] { work->wait(); };
  }
  WorkPtr work = group.gloo->recv(host, peer, 0);
  return [work, host, tensor]() mutable {
    work->wait();
    tensor.copy_(host[0]);
  };
}

}  // namespace

std::function<void()> begin_collective(Group& group, const std::string& name, std::vector<at::Tensor> tensors, int64_t number) {
  auto& gloo = *group.gloo;
  auto waiting = [tensors](WorkPtr work) { return [work, tensors] { work->wait(); }; };
  const auto peer = static_cast<int>(number);
  for (const auto& tensor : tensors)
    if (tensor.device() != tensors[0].device())
      throw CallError{"bad-argument", "the tensors of a collective are on " + tensors[0].device().str() + " and " + tensor.device().str()};
  if (!tensors.empty() && tensors[0].is_cuda()) {
    if (name == "send" || name == "receive") return by_way_of_cpu(group, name, tensors[0], peer);
#if defined(TSUMUGI_NCCL)
    if (WorkPtr work = nccl_of(group, tensors[0].device()).begin(name, tensors, peer)) return until_done(work, tensors);
#else
    throw CallError{"bad-argument", "the addon was built without NCCL"};
#endif
  }
  if (name == "sum" || name == "max") {
    c10d::AllreduceOptions options;
    options.reduceOp = name == "sum" ? c10d::ReduceOp::SUM : c10d::ReduceOp::MAX;
    return waiting(gloo.allreduce(tensors, options));
  }
  if (name == "broadcast") {
    c10d::BroadcastOptions options;
    options.rootRank = peer;
    return waiting(gloo.broadcast(tensors, options));
  }
  if (name == "allGather") {
    auto parts = tensors[0].view({static_cast<int64_t>(group.ranks.size()), -1}).unbind(0);
    std::vector<std::vector<at::Tensor>> outputs{parts};
    std::vector<at::Tensor> inputs{tensors[1].view({-1})};
    return waiting(gloo.allgather(outputs, inputs));
  }
  if (name == "reduceScatter") {
    // Gloo of libtorch 1.13 has none. Everyone sends everyone his part, which is as many bytes, and adds up in the order of the ranks.
    at::Tensor output = tensors[0], input = tensors[1], all = at::empty_like(input);
    std::vector<int64_t> even;
    WorkPtr work = gloo.alltoall_base(all, input, even, even);
    const auto world = static_cast<int64_t>(group.ranks.size());
    return [work, output, input, all, world] {
      work->wait();
      const auto parts = all.view({world, -1}).unbind(0);
      auto sum = output.view({-1});
      sum.copy_(parts[0]);
      for (int64_t rank = 1; rank < world; rank++) sum.add_(parts[rank]);
    };
  }
  if (name == "send") return waiting(gloo.send(tensors, peer, 0));
  if (name == "receive") return waiting(gloo.recv(tensors, peer, 0));
  if (name == "barrier") return waiting(gloo.barrier());
  throw CallError{"bad-argument", "there is no collective \"" + name + "\""};
}

}  // namespace tsumugi::ranks
#endif
