// Collectives of a group: begun at once, waited for on the group's own thread in the order in which they were begun.
#pragma once
#include "mesh/state.h"

#if defined(TSUMUGI_MESH)
namespace tsumugi::ranks {

/// Waits for the works of a group, one after the other, in the order in which they were begun.
void wait_for_works(const std::shared_ptr<Group>& group);

/// Begins a collective; what is given back waits for it.
std::function<void()> begin_collective(Group& group, const std::string& name, std::vector<at::Tensor> tensors, int64_t number);

/// Ends what NCCL has under way once something has failed: its kernels would wait for the others for ever, and the process with them.
void abort_nccl();

}  // namespace tsumugi::ranks
#endif
