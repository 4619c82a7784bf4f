// Processes that work on one training together: c10d's store and process groups, as jobs that run beside JavaScript. Tensors in the CPU's
// memory go over Gloo; those on CUDA over NCCL, which a group joins when the first of them comes.
//
// Each rank has a pulse: a thread that counts up a number in the store and looks whether another rank has given up. The first rank, whose
// process holds the store, notes how long each pulse stands still. So a rank that is gone, or cut off, is told from one that only
// computes for long, and is known by its number. The store may be behind a network that is cut, and its answers have no time limit:
// JavaScript's thread asks it only through `within`. Nothing here waits without an end.
//
// Longer than other files, because all of it works on one state under one lock.
#include "addon.h"

#if defined(TSUMUGI_MESH)
#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <ATen/Parallel.h>
#include <c10/util/Logging.h>
#include <omp.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>
#include <unordered_map>
#if defined(TSUMUGI_NCCL)
#include "nccl/group.h"
#endif
#endif

namespace tsumugi {
namespace {

napi_value from_strings(napi_env env, const std::vector<std::string>& values) {
  napi_value array;
  napi_create_array_with_length(env, values.size(), &array);
  for (size_t i = 0; i < values.size(); i++) napi_set_element(env, array, i, from_string(env, values[i]));
  return array;
}

#if defined(TSUMUGI_MESH)

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

Bytes bytes_of(const std::string& text) { return Bytes(text.begin(), text.end()); }
std::string text_of(const Bytes& bytes) { return std::string(bytes.begin(), bytes.end()); }

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

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
auto& mesh = *new Mesh();

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
int64_t add_job(std::shared_ptr<Job> job) {
  mesh.jobs.emplace(++mesh.last_job, std::move(job));
  return mesh.last_job;
}

void finish(const std::shared_ptr<Job>& job, std::string error) {
  const std::lock_guard<std::mutex> lock(mesh.mutex);
  job->error = std::move(error);
  job->done = true;
  mesh.changed.notify_all();
}

std::string numeric(const sockaddr* address, socklen_t length) {
  char text[NI_MAXHOST];
  return getnameinfo(address, length, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0 ? text : "";
}

struct Way {
  std::string own, first;
};

/// The address by which this machine reaches the first rank, and so by which the others reach it; and that of the first rank.
Way way_to(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
    throw std::runtime_error("the name " + host + " is not known");
  Way way;
  for (const addrinfo* each = found; each && way.own.empty(); each = each->ai_next) {
    const int socket_ = socket(each->ai_family, SOCK_DGRAM, 0);
    if (socket_ < 0) continue;
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    if (connect(socket_, each->ai_addr, each->ai_addrlen) == 0 &&
        getsockname(socket_, reinterpret_cast<sockaddr*>(&own), &length) == 0)
      way = {numeric(reinterpret_cast<sockaddr*>(&own), length), numeric(each->ai_addr, each->ai_addrlen)};
    close(socket_);
  }
  freeaddrinfo(found);
  if (way.own.empty()) throw std::runtime_error(host + " cannot be reached from here");
  return way;
}

bool is_loopback(const std::string& address) { return address.rfind("127.", 0) == 0 || address == "::1"; }

c10::intrusive_ptr<c10d::TCPStore> connect_store(bool is_server) {
  c10d::TCPStoreOptions options;
  options.port = mesh.port;
  options.isServer = is_server;
  options.waitWorkers = false;
  options.timeout = mesh.timeout;
  return c10::make_intrusive<c10d::TCPStore>(mesh.host, options);
}

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

/// The pulse of this rank. It ends with the first thing that is known of a failure.
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

/// Runs `body` on a thread of its own, for `limit` at most: the store may lie behind a network that is cut. → whether it came to its end.
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

/// Waits for the works of a group, one after the other, in the order in which they were begun.
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

std::shared_ptr<Group> make_group(const std::string& name, std::vector<int64_t> ranks) {
  auto options = c10d::ProcessGroupGloo::Options::create(mesh.timeout);
  options->devices.push_back(mesh.device);
  options->threads = 1;
  auto group = std::make_shared<Group>();
  const int place = static_cast<int>(std::find(ranks.begin(), ranks.end(), mesh.rank) - ranks.begin());
  auto store = c10::make_intrusive<c10d::PrefixStore>("group/" + name, mesh.store);
  group->gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(store, place, static_cast<int>(ranks.size()), options);
#if defined(TSUMUGI_NCCL)
  group->nccl_store = c10::make_intrusive<c10d::PrefixStore>("nccl/" + name, mesh.store);
#endif
  group->ranks = std::move(ranks);
  group->waiter = std::thread([group] { wait_for_works(group); });
  return group;
}

/// `address`: where the others are to reach this rank; empty for the one that leads to the first rank.
void join(std::string address, const std::string& name) {
  using Gloo = c10d::ProcessGroupGloo;
  const Way way = way_to(mesh.host, mesh.port);
  if (address.empty()) address = way.own;
  auto store = connect_store(mesh.rank == 0);
  auto pulse_store = connect_store(false);
  {
    const std::lock_guard<std::mutex> lock(mesh.mutex);
    mesh.store = store;
    mesh.pulse_store = pulse_store;
  }
  const int64_t number = pulse_store->add("taken/" + std::to_string(mesh.rank), 1);
  if (number > 1) throw std::runtime_error("rank taken");
  pulse_store->set("hello/" + std::to_string(mesh.rank), bytes_of(name + "\n" + address + "\n" + way.first + "\n" + std::to_string(mesh.world)));
  const auto deadline = steady_clock::now() + mesh.timeout;
  std::vector<int64_t> ranks(mesh.world);
  std::vector<std::string> names, addresses;
  std::string first;  // the first rank's address, as another machine sees it
  for (int rank = 0; rank < mesh.world; rank++) {
    const std::string key = "hello/" + std::to_string(rank);
    while (!pulse_store->check({key})) {
      if (steady_clock::now() > deadline) throw std::runtime_error("rank missing");
      std::this_thread::sleep_for(milliseconds(20));
    }
    const auto said = lines_of(text_of(pulse_store->get(key)));
    if (said.at(3) != std::to_string(mesh.world)) {
      // The store is in the first rank's process: the others need it for a moment, to learn the same.
      if (mesh.rank == 0) std::this_thread::sleep_for(2 * kPulse);
      throw std::runtime_error("world differs\n" + said.at(3));
    }
    names.push_back(said.at(0));
    addresses.push_back(said.at(1));
    if (first.empty() && !is_loopback(said.at(2))) first = said.at(2);
    const std::lock_guard<std::mutex> lock(mesh.mutex);
    mesh.hellos.push_back(names.back() + "\n" + addresses.back());
    ranks[rank] = rank;
  }
  // On the machine of the first rank its name often leads to the loopback: localhost, or 127.0.1.1 in /etc/hosts.
  for (int rank = 0; rank < mesh.world; rank++) {
    if (first.empty() || !is_loopback(addresses[rank])) continue;
    addresses[rank] = first;
    const std::lock_guard<std::mutex> lock(mesh.mutex);
    mesh.hellos[rank] = names[rank] + "\n" + first;
  }
  mesh.device = Gloo::createDeviceForHostname(addresses[mesh.rank]);
  auto group = make_group("world", ranks);
  const std::lock_guard<std::mutex> lock(mesh.mutex);
  mesh.groups.emplace(0, std::move(group));
  mesh.pulse = std::thread(beat);
}

Group& group_at(int64_t number) {
  const std::lock_guard<std::mutex> lock(mesh.mutex);
  const auto found = mesh.groups.find(number);
  if (found == mesh.groups.end()) throw CallError{"bad-argument", "there is no group " + std::to_string(number)};
  return *found->second;
}

/// meshOpen(rank, world, host, port, address, name, seconds) → job: all ranks have met, and said their names and addresses.
napi_value open_mesh(napi_env env, napi_callback_info info) {
  Arguments<7> arguments(env, info);
  if (mesh.world > 0) throw CallError{"bad-argument", "this process is in a mesh already"};
  c10::initLogging();  // libtorch 2.x looks at TORCH_CPP_LOG_LEVEL only then
  mesh.rank = static_cast<int>(to_int64(env, arguments[0], "rank"));
  mesh.world = static_cast<int>(to_int64(env, arguments[1], "world"));
  mesh.host = to_string(env, arguments[2], "host");
  mesh.port = static_cast<uint16_t>(to_int64(env, arguments[3], "port"));
  const std::string address = to_string(env, arguments[4], "address"), name = to_string(env, arguments[5], "name");
  mesh.timeout = milliseconds(static_cast<int64_t>(1000 * to_double(env, arguments[6], "seconds")));
#if defined(TSUMUGI_NCCL)
  prepare_nccl();
#endif
  auto job = std::make_shared<Job>();
  std::thread([=] { finish(job, error_of([&] { join(address, name); })); }).detach();
  const std::lock_guard<std::mutex> lock(mesh.mutex);
  return from_double(env, static_cast<double>(add_job(job)));
}

/// meshHellos() → "name\naddress" of each rank that has said one so far.
napi_value mesh_hellos(napi_env env, napi_callback_info) {
  const std::lock_guard<std::mutex> lock(mesh.mutex);
  return from_strings(env, mesh.hellos);
}

/// meshGroup(name, ranks) → [job, group]: a group of some ranks, to be called by all of them alike.
napi_value new_group(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  const std::string name = to_string(env, arguments[0], "name");
  auto ranks = to_ints(env, arguments[1], "ranks");
  if (std::find(ranks.begin(), ranks.end(), mesh.rank) == ranks.end())
    throw CallError{"bad-argument", "rank " + std::to_string(mesh.rank) + " is not in the group"};
  auto job = std::make_shared<Job>();
  const std::lock_guard<std::mutex> lock(mesh.mutex);
  const int64_t number = ++mesh.last_group;
  std::thread([=] {
    finish(job, error_of([&] {
             auto group = make_group(name, ranks);
             const std::lock_guard<std::mutex> lock(mesh.mutex);
             mesh.groups.emplace(number, std::move(group));
           }));
  }).detach();
  return from_ints(env, {add_job(job), number});
}

using WorkPtr = c10::intrusive_ptr<c10d::Work>;

#if defined(TSUMUGI_NCCL)
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
#endif

/// Ends what NCCL has under way once something has failed: its kernels would wait for the others for ever, and the process with them.
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

/// Begins a collective; what is given back waits for it.
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

/// meshBegin(group, collective, tensors, number) → job. `number` is the rank that sends or is sent to, within the group.
napi_value begin_work(napi_env env, napi_callback_info info) {
  Arguments<4> arguments(env, info);
  Group& group = group_at(to_int64(env, arguments[0], "group"));
  const std::string name = to_string(env, arguments[1], "collective");
  auto tensors = to_tensors(env, arguments[2], "tensors");
  for (auto& tensor : tensors) tensor = tensor.detach();
  auto job = std::make_shared<Job>();
  std::function<void()> body;
  // What Gloo refuses at once fails as what it refuses later.
  std::string error;
  try {
    body = begin_collective(group, name, std::move(tensors), to_int64(env, arguments[3], "number"));
  } catch (const CallError&) {
    throw;
  } catch (...) {
    error = error_of([] { throw; });
  }
  const std::lock_guard<std::mutex> lock(mesh.mutex);
  if (body) {
    group.queue.emplace_back(job, std::move(body));
    group.came.notify_one();
  } else {
    job->done = true;
    job->error = error;
  }
  return from_double(env, static_cast<double>(add_job(job)));
}

std::shared_ptr<Job> job_at(int64_t number) {
  const auto found = mesh.jobs.find(number);
  if (found == mesh.jobs.end()) throw CallError{"bad-argument", "there is no job " + std::to_string(number)};
  return found->second;
}

/// meshDone(job) → whether it is over, in whatever way.
napi_value job_done(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  const int64_t number = to_int64(env, arguments[0], "job");
  const std::lock_guard<std::mutex> lock(mesh.mutex);
  return from_bool(env, job_at(number)->done || !mesh.failure.empty());
}

/// meshWait(job, seconds): blocks until it is done, a rank has given up, or the time is over. → undefined, or why it failed: "" for time.
napi_value wait_for_job(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  const int64_t number = to_int64(env, arguments[0], "job");
  const auto limit = milliseconds(static_cast<int64_t>(1000 * to_double(env, arguments[1], "seconds")));
  std::unique_lock<std::mutex> lock(mesh.mutex);
  const auto job = job_at(number);
  mesh.changed.wait_for(lock, limit, [&] { return job->done || !mesh.failure.empty(); });
  mesh.jobs.erase(number);
  if (!job->done) return from_string(env, mesh.failure.empty() ? "" : "given up");
  return job->error.empty() ? undefined(env) : from_string(env, job->error);
}

/// The first rank holds the store: whoever looks after it is gone learns less. So it stays until the others know, for a moment.
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

/// Notes what has failed, the first time, and lets the others know.
void tell(const std::string& failure, bool is_store_there = true) {
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

/// Looks for a rank without a pulse, or what one said at its end, and notes it.
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

/// meshFailure() → "rank\nwhat it said" of the rank that has given up or is gone, "" when all have a pulse. Takes some seconds at most.
napi_value find_failure(napi_env env, napi_callback_info) {
  std::unique_lock<std::mutex> lock(mesh.mutex);
  if (mesh.failure.empty() && mesh.pulse_store) {
    lock.unlock();
    look_for_failure();
    lock.lock();
  }
  const std::string failure = mesh.failure;
  lock.unlock();
  abort_nccl();
  if (!failure.empty()) linger();
  return from_string(env, failure);
}

/// meshGiveUp(text): tells the others that this rank ends, and why.
napi_value give_up(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  tell(std::to_string(mesh.rank) + "\n" + to_string(env, arguments[0], "text"));
  abort_nccl();
  linger();
  return undefined(env);
}

/// The first rank's process is the store: it stays until the others have left, or are gone.
void wait_for_others() {
  const auto deadline = steady_clock::now() + mesh.timeout;
  Pulses pulses;
  for (int rank = 1; rank < mesh.world; rank++) {
    const std::string key = "closed/" + std::to_string(rank);
    while (!mesh.pulse_store->check({key}) && pulses.still(rank) < kGone && steady_clock::now() < deadline)
      std::this_thread::sleep_for(milliseconds(5));
  }
}

/// meshClose(): to be called by all ranks, once nobody waits for anything.
napi_value close_mesh(napi_env env, napi_callback_info) {
  std::vector<std::shared_ptr<Group>> groups;
  {
    const std::lock_guard<std::mutex> lock(mesh.mutex);
    if (mesh.closing || mesh.groups.empty()) return undefined(env);
    mesh.closing = true;
    mesh.changed.notify_all();
    for (auto& [_, group] : mesh.groups) {
      group->closing = true;
      group->came.notify_all();
      groups.push_back(group);
    }
  }
#if defined(TSUMUGI_NCCL)
  // In one order on all ranks, since leaving waits for the others.
  std::map<int64_t, std::shared_ptr<NcclGroup>> leaving;
  for (auto& [number, group] : mesh.groups)
    if (group->nccl) leaving.emplace(number, group->nccl);
#endif
  const bool is_whole = within(mesh.timeout, [=] {
    mesh.pulse.join();
    if (!mesh.failure.empty()) throw std::runtime_error("a rank is gone");
#if defined(TSUMUGI_NCCL)
    for (auto& [_, nccl] : leaving) nccl->leave();
#endif
    mesh.pulse_store->set("closed/" + std::to_string(mesh.rank), bytes_of("1"));
    if (mesh.rank == 0) wait_for_others();
    for (auto& group : groups) group->waiter.join();
  });
  // Otherwise threads may still use them, until the process ends.
  const std::lock_guard<std::mutex> lock(mesh.mutex);
  if (is_whole) mesh.groups.clear();
  return undefined(env);
}

/// meshBackends() → what can be used, each once: "gloo", "nccl".
napi_value mesh_backends(napi_env env, napi_callback_info) {
  std::vector<std::string> names{"gloo"};
#if defined(TSUMUGI_NCCL)
  names.push_back("nccl");
#endif
  return from_strings(env, names);
}

#else

napi_value mesh_backends(napi_env env, napi_callback_info) { return from_strings(env, {}); }

#endif

}  // namespace

std::vector<Export> mesh_exports() {
  return {{"meshBackends", entry<mesh_backends>},
#if defined(TSUMUGI_MESH)
          {"meshOpen", entry<open_mesh>},
          {"meshHellos", entry<mesh_hellos>},
          {"meshGroup", entry<new_group>},
          {"meshBegin", entry<begin_work>},
          {"meshDone", entry<job_done>},
          {"meshWait", entry<wait_for_job>},
          {"meshFailure", entry<find_failure>},
          {"meshGiveUp", entry<give_up>},
          {"meshClose", entry<close_mesh>},
#endif
  };
}

}  // namespace tsumugi
