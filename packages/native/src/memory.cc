// A caching CPU allocator. Training frees and asks for the same sizes every step; handing those back to the kernel costs
// a page fault per 4 KiB when they come again (a third of the time of a 32 MiB matmul result). It also counts live bytes.
#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "addon.h"
#include "aligned.h"

namespace tsumugi {
namespace {

constexpr size_t alignment = 64;
constexpr size_t header_bytes = alignment;       // in front of every block, so that data stays aligned
constexpr size_t huge_page = size_t{1} << 21;
constexpr size_t spare_bytes = size_t{1} << 28;    // cached whatever is live
constexpr size_t map_threshold = size_t{1} << 22;  // larger blocks are mapped by themselves, on huge pages where possible

struct Header {
  size_t requested;
  size_t capacity;  // of the data, a size class
  size_t bin;
  void* next;
};
static_assert(sizeof(Header) <= header_bytes);

/// Size classes: four steps per power of two, so at most a fifth of a block is unused.
size_t bin_of(size_t bytes, size_t& capacity) {
  if (bytes <= 64) {
    capacity = 64;
    return 0;
  }
  const size_t power = 63 - static_cast<size_t>(__builtin_clzll(bytes - 1));  // 2^power < bytes ≤ 2^(power+1)
  const size_t step = (size_t{1} << power) / 4;
  const size_t quarters = (bytes - (size_t{1} << power) + step - 1) / step;  // 1 … 4
  capacity = (size_t{1} << power) + quarters * step;
  return (power - 6) * 4 + quarters;
}

class CachingAllocator final : public c10::Allocator {
 public:
  // libtorch 1.13 declares allocate const, 2.x does not: each overrides the one that exists.
  c10::DataPtr allocate(size_t bytes) const { return const_cast<CachingAllocator*>(this)->make(bytes); }
  c10::DataPtr allocate(size_t bytes) { return make(bytes); }
  c10::DeleterFnPtr raw_deleter() const override { return &CachingAllocator::give_back; }
  void copy_data(void* target, const void* source, size_t count) const { std::memcpy(target, source, count); }

  void empty_cache() {
    const std::lock_guard<std::mutex> lock(mutex_);
    trim(0);
  }

  std::atomic<int64_t> live{0};
  std::atomic<int64_t> peak{0};
  int64_t cached() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return static_cast<int64_t>(cached_);
  }

 private:
  c10::DataPtr make(size_t bytes);
  static void give_back(void* data);
  void make_room(size_t bytes);
  void trim(size_t target);

  std::mutex mutex_;
  std::array<Header*, 256> free_{};
  size_t cached_ = 0;
  size_t most_ = 0;  // live bytes at their highest
};

CachingAllocator& allocator() {
  static auto* instance = new CachingAllocator();  // never destroyed: tensors may outlive every destructor
  return *instance;
}

Header* header_of(void* data) { return reinterpret_cast<Header*>(static_cast<char*>(data) - header_bytes); }

c10::DataPtr CachingAllocator::make(size_t bytes) {
  if (bytes == 0) return {nullptr, nullptr, &give_back, c10::Device(c10::DeviceType::CPU)};
  size_t capacity;
  const size_t bin = bin_of(bytes, capacity);
  Header* header = nullptr;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (bin < free_.size() && free_[bin]) {
      header = free_[bin];
      free_[bin] = static_cast<Header*>(header->next);
      cached_ -= header->capacity;
    } else {
      make_room(capacity);
    }
  }
  if (!header) {
    void* block = nullptr;
    if (capacity >= map_threshold) {
      capacity = (capacity + header_bytes + huge_page - 1) / huge_page * huge_page - header_bytes;
      block = allocate_aligned(huge_page, capacity + header_bytes);
      if (block) madvise(block, capacity + header_bytes, MADV_HUGEPAGE);
    } else {
      block = allocate_aligned(alignment, capacity + header_bytes);
    }
    if (!block) {
      throw CallError{"out-of-memory", "out of memory: asked for " + std::to_string(bytes) + " bytes with " +
                                           std::to_string(live.load()) + " bytes live"};
    }
    header = static_cast<Header*>(block);
    header->capacity = capacity;
    header->bin = bin;
  }
  header->requested = bytes;
  const int64_t now = live.fetch_add(static_cast<int64_t>(bytes)) + static_cast<int64_t>(bytes);
  for (int64_t most = peak.load(std::memory_order_relaxed); now > most && !peak.compare_exchange_weak(most, now);) {
  }
  void* data = reinterpret_cast<char*>(header) + header_bytes;
  return {data, data, &give_back, c10::Device(c10::DeviceType::CPU)};
}

void CachingAllocator::give_back(void* data) {
  if (!data) return;
  CachingAllocator& self = allocator();
  Header* header = header_of(data);
  self.live.fetch_sub(static_cast<int64_t>(header->requested));
  const std::lock_guard<std::mutex> lock(self.mutex_);
  header->next = self.free_[header->bin];
  self.free_[header->bin] = header;
  self.cached_ += header->capacity;
}

/// Called when no cached block fits. Sizes that are no longer asked for must not pile up: what is held in all stays below
/// a quarter more than the most that was ever live. The caller holds the lock.
void CachingAllocator::make_room(size_t bytes) {
  const auto now = static_cast<size_t>(live.load());
  most_ = std::max(most_, now + bytes);
  const size_t limit = most_ + most_ / 4 + spare_bytes;
  if (now + bytes + cached_ > limit) trim(limit - now - bytes);
}

/// Frees cached blocks, the largest first, until at most `target` bytes stay. The caller holds the lock.
void CachingAllocator::trim(size_t target) {
  for (size_t bin = free_.size(); bin-- > 0 && cached_ > target;) {
    while (free_[bin] && cached_ > target) {
      Header* header = free_[bin];
      free_[bin] = static_cast<Header*>(header->next);
      cached_ -= header->capacity;
      std::free(header);
    }
  }
}

/// memory() → {liveHandles, liveBytes, peakBytes, cachedBytes}
napi_value memory(napi_env env, napi_callback_info) {
  napi_value result;
  napi_create_object(env, &result);
  const auto set = [&](const char* name, int64_t value) {
    napi_set_named_property(env, result, name, from_double(env, static_cast<double>(value)));
  };
  set("liveHandles", live_handles());
  set("liveBytes", allocator().live.load());
  set("peakBytes", allocator().peak.load());
  set("cachedBytes", allocator().cached());
  return result;
}

/// resetPeak(): the peak starts again from what is live now.
napi_value reset_peak(napi_env, napi_callback_info) {
  allocator().peak.store(allocator().live.load());
  return nullptr;
}

/// tellCollector(): V8 sees a tensor as a few bytes of its own; told what is live, it collects before that is gigabytes.
napi_value tell_collector(napi_env env, napi_callback_info) {
  static thread_local int64_t told = 0;  // each thread has a V8 of its own
  const int64_t live = allocator().live.load();
  int64_t external;
  napi_adjust_external_memory(env, live - told, &external);
  told = live;
  return nullptr;
}

napi_value empty_cache(napi_env, napi_callback_info) {
  allocator().empty_cache();
  return nullptr;
}

}  // namespace

void* allocate_aligned(size_t alignment, size_t bytes) {
  const size_t whole = (bytes + alignment - 1) / alignment * alignment;  // C wants a multiple of the alignment
  void* block = std::aligned_alloc(alignment, whole);
  if (block) return block;
  allocator().empty_cache();
  return std::aligned_alloc(alignment, whole);
}

void install_allocator() { c10::SetCPUAllocator(&allocator(), /*priority=*/100); }

std::vector<Export> memory_exports() {
  return {{"memory", entry<memory>}, {"resetPeak", entry<reset_peak>}, {"emptyCache", entry<empty_cache>},
          {"tellCollector", entry<tell_collector>}};
}

}  // namespace tsumugi
