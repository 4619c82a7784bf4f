// What all files of the mesh work on: one state, under one lock.
#pragma once
#if defined(TSUMUGI_MESH)
#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>
#if defined(TSUMUGI_NCCL)
#include "nccl/group.h"
#endif

namespace tsumugi::ranks {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Bytes = std::vector<uint8_t>;

constexpr milliseconds kPulse{500};
/// How often NCCL is asked whether a collective is done.
constexpr std::chrono::microseconds kPoll{50};
/// A rank whose pulse stands still for so long, once something has failed, is the one that is gone. Nothing is begun because of a pulse
/// alone: a busy machine may hold one up for seconds.
constexpr milliseconds kStill{4 * kPulse};
/// At the end, when nobody waits for it any more, a rank whose pulse stands still for so long is taken for gone.
constexpr milliseconds kGone{20 * kPulse};

inline Bytes bytes_of(const std::string& text) { return Bytes(text.begin(), text.end()); }
inline std::string text_of(const Bytes& bytes) { return std::string(bytes.begin(), bytes.end()); }

std::vector<std::string> lines_of(const std::string& text);

/// Something that runs beside JavaScript.
struct Job {
  bool done = false;
  std::string error;  // of a job that is done
};

struct Group {
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
#if defined(TSUMUGI_NCCL)
  std::shared_ptr<NcclGroup> nccl;  // from the first CUDA tensor on
  c10::intrusive_ptr<c10d::Store> nccl_store;
  at::Device device{at::kCPU};  // of NCCL
#endif
  std::vector<int64_t> ranks;
  std::deque<std::pair<std::shared_ptr<Job>, std::function<void()>>> queue;
  bool closing = false;
  std::condition_variable came;
  std::thread waiter;
};

/// All of it lies in one object that is never destroyed: when the process ends, threads of Gloo may still run.
struct Mesh {
  int rank = 0, world = 0;
  std::string host;
  uint16_t port = 0;
  milliseconds timeout{0};
  std::shared_ptr<::gloo::transport::Device> device;
  c10::intrusive_ptr<c10d::TCPStore> store;  // for groups
  c10::intrusive_ptr<c10d::TCPStore> pulse_store;  // a connection of its own: a store's waits hold its lock
  std::vector<std::string> hellos;

  std::mutex mutex;  // of everything below
  std::condition_variable changed;
  std::unordered_map<int64_t, std::shared_ptr<Job>> jobs;
  int64_t last_job = 0;
  std::unordered_map<int64_t, std::shared_ptr<Group>> groups;
  int64_t last_group = 0;
  std::string failure;  // what another rank said when it gave up
  bool closing = false;
  bool lingered = false;
  bool aborted = false;  // NCCL
  std::thread pulse;
};
extern Mesh& mesh;

template <typename F>
std::string error_of(const F& body) {
  try {
    body();
    return "";
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an unknown C++ exception";
  }
}

/// To be called with the lock.
int64_t add_job(std::shared_ptr<Job> job);

void finish(const std::shared_ptr<Job>& job, std::string error);

}  // namespace tsumugi::ranks
#endif
