// Memory outside of tensors, from the same store as theirs.
#pragma once
#include <cstddef>

namespace tsumugi {

/// As std::aligned_alloc, for any number of bytes; when there is no memory left, once more after the freed blocks kept for tensors are given back.
void* allocate_aligned(std::size_t alignment, std::size_t bytes);

}  // namespace tsumugi
