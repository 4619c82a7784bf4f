// Heartbeats over the store, and who is told what of a failure (pulse.h).
#include "mesh/pulse.h"

#if defined(TSUMUGI_MESH)
#include <algorithm>
#include <iterator>
#include <sstream>

namespace tsumugi::ranks {
namespace {

/// The first rank's list of the pulses: since when they stand still.
class Pulses {
 public:
  Pulses() : counts_(mesh.world, -1), since_(mesh.world) {}

  /// Asks for one of them. → for how long it has stood still
  milliseconds still(int rank) {
    const int64_t count = mesh.pulse_store->add("pulse/" + std::to_string(rank), 0);
    const auto now = steady_clock::now();
    if (count != counts_[rank]) since_[rank] = now;
    counts_[rank] = count;
    return std::chrono::duration_cast<milliseconds>(now - since_[rank]);
  }

  /// Asks for all of them. → milliseconds, by rank
  std::string all() {
    std::string text;
    for (int rank = 0; rank < mesh.world; rank++) text += std::to_string(still(rank).count()) + " ";
    return text;
  }

 private:
  std::vector<int64_t> counts_;
  std::vector<steady_clock::time_point> since_;
};

/// A key of the store: this rank knows what has failed.
std::string known_by(int rank) { return "known/" + std::to_string(rank); }
void say_known() { mesh.pulse_store->set(known_by(mesh.rank), bytes_of("1")); }

}  // namespace

void beat() {
  const std::string own = "pulse/" + std::to_string(mesh.rank);
  Pulses pulses;
  std::unique_lock<std::mutex> lock(mesh.mutex);
  while (!mesh.closing && mesh.failure.empty()) {
    lock.unlock();
    std::string failure;
    const std::string error = error_of([&] {
      mesh.pulse_store->add(own, 1);
      if (mesh.rank == 0) mesh.pulse_store->set("still", bytes_of(pulses.all()));
      if (!mesh.pulse_store->check({"failure"})) return;
      failure = text_of(mesh.pulse_store->get("failure"));
      say_known();
    });
    lock.lock();
    // The store is in the process of the first rank.
    if (failure.empty() && !error.empty()) failure = "0\n";
    if (!failure.empty() && !mesh.closing && mesh.failure.empty()) mesh.failure = failure;
    if (!mesh.failure.empty()) mesh.changed.notify_all();
    mesh.changed.wait_for(lock, kPulse, [] { return mesh.closing; });
  }
}

bool within(milliseconds limit, std::function<void()> body) {
  struct Shared {
    std::mutex mutex;
    std::condition_variable over;
    bool done = false, good = false;
  };
  auto shared = std::make_shared<Shared>();
  std::thread([shared, body = std::move(body)] {
    const bool good = error_of(body).empty();
    const std::lock_guard<std::mutex> lock(shared->mutex);
    shared->done = true;
    shared->good = good;
    shared->over.notify_all();
  }).detach();
  std::unique_lock<std::mutex> lock(shared->mutex);
  shared->over.wait_for(lock, limit, [&] { return shared->done; });
  return shared->good;
}

void linger() {
  {
    const std::lock_guard<std::mutex> lock(mesh.mutex);
    if (mesh.rank != 0 || mesh.lingered || !mesh.pulse_store) return;
    mesh.lingered = true;
  }
  within(kStill, [] {
    const auto deadline = steady_clock::now() + kStill;
    for (int rank = 0; rank < mesh.world; rank++)
      while (!mesh.pulse_store->check({known_by(rank)}) && steady_clock::now() < deadline)
        std::this_thread::sleep_for(milliseconds(20));
  });
}

void tell(const std::string& failure, bool is_store_there) {
  {
    const std::lock_guard<std::mutex> lock(mesh.mutex);
    if (!mesh.failure.empty() || !mesh.pulse_store) return;
    mesh.failure = failure;
    mesh.changed.notify_all();
  }
  if (!is_store_there) return;
  within(kStill, [failure] {
    mesh.pulse_store->compareSet("failure", {}, bytes_of(failure));
    say_known();
  });
}

void look_for_failure() {
  struct Seen {
    std::string failure, still;
  };
  // A rank that has just ended still seems to be there.
  const auto deadline = steady_clock::now() + kStill + 3 * kPulse;
  while (true) {
    auto seen = std::make_shared<Seen>();
    const bool is_store_there = within(kStill, [seen] {
      if (mesh.pulse_store->check({"failure"})) seen->failure = text_of(mesh.pulse_store->get("failure"));
      if (mesh.pulse_store->check({"still"})) seen->still = text_of(mesh.pulse_store->get("still"));
    });
    if (!is_store_there) return tell("0\n", false);
    if (!seen->failure.empty()) return tell(seen->failure);
    std::istringstream text(seen->still);
    const std::vector<int64_t> still{std::istream_iterator<int64_t>(text), {}};
    const int64_t longest = still.empty() ? 0 : *std::max_element(still.begin(), still.end());
    if (longest >= kStill.count()) {
      // Ranks of one machine are cut off together: the first of them.
      const auto one = std::find_if(still.begin(), still.end(), [&](int64_t each) { return each >= longest - 2 * kPulse.count(); });
      return tell(std::to_string(one - still.begin()) + "\n");
    }
    std::unique_lock<std::mutex> lock(mesh.mutex);
    if (mesh.changed.wait_for(lock, kPulse / 2, [] { return !mesh.failure.empty(); })) return;
    if (steady_clock::now() > deadline) return;
  }
}

void wait_for_others() {
  const auto deadline = steady_clock::now() + mesh.timeout;
  Pulses pulses;
  for (int rank = 1; rank < mesh.world; rank++) {
    const std::string key = "closed/" + std::to_string(rank);
    while (!mesh.pulse_store->check({key}) && pulses.still(rank) < kGone && steady_clock::now() < deadline)
      std::this_thread::sleep_for(milliseconds(5));
  }
}

}  // namespace tsumugi::ranks
#endif
