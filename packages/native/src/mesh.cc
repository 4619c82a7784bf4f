// Processes that work on one training together: c10d's store and process groups, as jobs that run beside JavaScript. Tensors in the CPU's
// memory go over Gloo; those on CUDA over NCCL, which a group joins when the first of them comes. Here ranks meet, and JavaScript asks;
// mesh/ has the state, the collectives, and how a rank that is gone is found. Nothing waits without an end.
#include "addon.h"
#include "mesh/collectives.h"
#include "mesh/pulse.h"
#include "mesh/state.h"

#if defined(TSUMUGI_MESH)
#include <c10/util/Logging.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <map>
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

using namespace ranks;

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
