// A second Ctrl-C that ends the process at once, also while a native call runs and no JavaScript can: Node hears of signals
// only between two turns of its loop, and two that come in one turn are one to it.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "addon.h"

namespace tsumugi {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM};
struct sigaction node_action[2];
std::atomic<bool> guarding{false};
std::atomic<int> seen{0};

/// Runs inside the signal: only what is allowed there.
void on_signal(int number) {
  if (seen.fetch_add(1) > 0) {
    signal(number, SIG_DFL);
    raise(number);
    return;
  }
  static const char text[] = "\nCtrl-C again ends at once, without saving\n";
  // Standard error may have gone (`2>&1 | tee`): the signal counts all the same.
  [[maybe_unused]] const auto written = number == SIGINT ? write(STDERR_FILENO, text, sizeof text - 1) : 0;
  const auto& node = node_action[number == SIGINT ? 0 : 1];
  if (node.sa_handler != SIG_DFL && node.sa_handler != SIG_IGN) node.sa_handler(number);
}

/// guardSignals(): from now on Node's handlers of SIGINT and SIGTERM, which must be there, are called through ours.
napi_value guard_signals(napi_env, napi_callback_info) {
  if (guarding.exchange(true)) return nullptr;
  seen = 0;
  struct sigaction ours;
  std::memset(&ours, 0, sizeof ours);
  ours.sa_handler = on_signal;
  ours.sa_flags = SA_RESTART;
  sigfillset(&ours.sa_mask);
  // What raises the default action inside the handler must not be held back by it.
  for (const int number : kSignals) sigdelset(&ours.sa_mask, number);
  for (size_t i = 0; i < 2; i++) sigaction(kSignals[i], &ours, &node_action[i]);
  return nullptr;
}

/// releaseSignals(): Node's handlers are back, unless Node has put others in their place meanwhile.
napi_value release_signals(napi_env, napi_callback_info) {
  if (!guarding.exchange(false)) return nullptr;
  for (size_t i = 0; i < 2; i++) {
    struct sigaction current;
    sigaction(kSignals[i], nullptr, &current);
    if (current.sa_handler == on_signal) sigaction(kSignals[i], &node_action[i], nullptr);
  }
  return nullptr;
}

}  // namespace

std::vector<Export> signal_exports() {
  return {{"guardSignals", entry<guard_signals>}, {"releaseSignals", entry<release_signals>}};
}

}  // namespace tsumugi
