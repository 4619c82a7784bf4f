// For ThreadSanitizer only, which cannot see how libgomp's threads wait for each other: the same parallel regions on
// threads of the C++ library. A region's threads are made and joined, so what is reported is a race of our own.
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace {

struct Team {
  unsigned size;
  unsigned waiting = 0, round = 0;
  std::mutex mutex;
  std::condition_variable all_here;
};
thread_local Team* team = nullptr;
thread_local unsigned member = 0;
std::mutex critical;

}  // namespace

extern "C" {

void GOMP_parallel(void (*body)(void*), void* data, unsigned threads, unsigned) {
  Team ours{threads ? threads : std::thread::hardware_concurrency()};
  Team* const outer = team;
  const unsigned outer_member = member;
  const auto run = [&](unsigned index) {
    team = &ours;
    member = index;
    body(data);
  };
  std::vector<std::thread> others;
  for (unsigned index = 1; index < ours.size; index++) others.emplace_back(run, index);
  run(0);
  for (std::thread& other : others) other.join();
  team = outer;
  member = outer_member;
}

void GOMP_barrier() {
  std::unique_lock<std::mutex> lock(team->mutex);
  const unsigned round = team->round;
  if (++team->waiting == team->size) {
    team->waiting = 0;
    team->round++;
    team->all_here.notify_all();
  } else {
    team->all_here.wait(lock, [&] { return team->round != round; });
  }
}

void GOMP_atomic_start() { critical.lock(); }
void GOMP_atomic_end() { critical.unlock(); }
int omp_get_thread_num() { return static_cast<int>(member); }
int omp_get_num_threads() { return team ? static_cast<int>(team->size) : 1; }
}
