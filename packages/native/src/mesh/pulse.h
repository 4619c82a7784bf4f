// How a rank that is gone, or cut off, is told from one that only computes for long, and is known by its number.
//
// Each rank has a pulse: a thread that counts up a number in the store and looks whether another rank has given up. The first rank, whose
// process holds the store, notes how long each pulse stands still. The store may be behind a network that is cut, and its answers have no
// time limit: JavaScript's thread asks it only through `within`.
#pragma once
#include "mesh/state.h"

#if defined(TSUMUGI_MESH)
namespace tsumugi::ranks {

/// The pulse of this rank. It ends with the first thing that is known of a failure.
void beat();

/// Runs `body` on a thread of its own, for `limit` at most: the store may lie behind a network that is cut. → whether it came to its end.
bool within(milliseconds limit, std::function<void()> body);

/// Notes what has failed, the first time, and lets the others know.
void tell(const std::string& failure, bool is_store_there = true);

/// Looks for a rank without a pulse, or what one said at its end, and notes it.
void look_for_failure();

/// The first rank holds the store: whoever looks after it is gone learns less. So it stays until the others know, for a moment.
void linger();

/// The first rank's process is the store: it stays until the others have left, or are gone.
void wait_for_others();

}  // namespace tsumugi::ranks
#endif
