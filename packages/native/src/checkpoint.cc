// Checkpointing: what a segment saves for backward is dropped at once, and made again by running the segment once more
// when backward asks for it. The graph itself is libtorch's own, so every way of going through it stays right.
//
// Every tensor that an operator saves passes a pair of hooks, which the engine hands out. While a segment runs, they note
// what was saved and drop it (`Dropped`); while it runs again, they keep it and also fill the place of the tensor that was
// dropped with the same number (`Remade`).
#include <torch/csrc/autograd/engine.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/csrc/autograd/saved_variable_hooks.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/version.h>

#include <ATen/core/grad_mode.h>
#include <c10/util/StringUtil.h>

#include "addon.h"
#include "backward.h"

namespace tsumugi {
namespace {

using torch::autograd::SavedVariable;
using torch::autograd::SavedVariableHooks;

// The main thread and every worker that loads the addon run JavaScript of their own, and so segments of their own.
thread_local bool runs_javascript = false;
thread_local int64_t live_segments = 0;

struct Dropped;

/// What is known of a tensor that was dropped.
struct Note {
  Dropped* place;  // null once nobody will ask for it
  std::vector<int64_t> sizes;
  at::ScalarType dtype;
  bool is_parameter;
  uint32_t version;

  Note(Dropped* dropped, const at::Tensor& tensor)
      : place(dropped),
        sizes(tensor.sizes().vec()),
        dtype(tensor.scalar_type()),
        is_parameter(tensor.is_leaf() && tensor.requires_grad()),
        version(torch::autograd::impl::version_counter(tensor).current_version()) {}
};

/// One run of a segment. Lives as long as the graph that its run made.
struct Segment {
  Function run_again;
  std::vector<SavedVariable> inputs;
  std::vector<bool> differentiated;
  std::vector<Note> notes;
  bool complete = false;

  Segment(napi_env env, napi_value again) : run_again(env, again) { live_segments++; }
  ~Segment() { live_segments--; }
};

/// What runs now; the last one is the innermost.
struct Run {
  std::shared_ptr<Segment> segment;
  bool again;
  size_t next = 0;
};
thread_local std::vector<Run*> runs;

struct Running {
  Run run;
  Running(std::shared_ptr<Segment> segment, bool again) : run{std::move(segment), again} { runs.push_back(&run); }
  ~Running() { runs.pop_back(); }
};

/// Segments whose places were filled during this backward.
thread_local std::vector<std::weak_ptr<Segment>> filled;

[[noreturn]] void refuse(napi_env env, const std::string& message) {
  // The JavaScript error stays pending while the C++ one unwinds through libtorch's engine.
  napi_throw_error(env, "recomputed-differently", ("checkpoint: " + message).c_str());
  throw std::runtime_error(message);
}

void run_again(const std::shared_ptr<Segment>& segment);

struct Dropped : SavedVariableHooks {
  std::shared_ptr<Segment> segment;
  size_t index = 0;
  at::Tensor remade;

  explicit Dropped(std::shared_ptr<Segment> made_in) : segment(std::move(made_in)) {}
  ~Dropped() override {
    if (index < segment->notes.size() && segment->notes[index].place == this) segment->notes[index].place = nullptr;
  }
  void call_pack_hook(const at::Tensor& tensor) override {
    index = segment->notes.size();
    segment->notes.emplace_back(this, tensor);
  }
  at::Tensor call_unpack_hook() override {
    if (!remade.defined()) run_again(segment);
    return std::move(remade);
  }
};

std::string described(const Note& note) {
  return c10::str(note.dtype, "[", c10::Join(", ", note.sizes), "]");
}

/// Says how the second run differs, when it does.
std::string difference(const Note& first, const Note& second) {
  if (first.sizes != second.sizes || first.dtype != second.dtype)
    return "the segment saved another tensor when it was run again: " + described(first) +
           " at first, then " + described(second);
  if (first.is_parameter && second.is_parameter && first.version != second.version)
    return "the parameter " + described(first) + " was changed in place between forward and backward";
  return "";
}

struct Remade : SavedVariableHooks {
  Run& run;
  napi_env env;
  at::Tensor kept;

  explicit Remade(Run& during) : run(during), env(during.segment->run_again.env()) {}
  void call_pack_hook(const at::Tensor& tensor) override {
    kept = tensor.detach();
    const size_t index = run.next++;
    auto& notes = run.segment->notes;
    if (index >= notes.size()) return;
    const std::string message = difference(notes[index], Note(nullptr, tensor));
    if (!message.empty()) refuse(env, message);
    if (notes[index].place) notes[index].place->remade = kept;
  }
  at::Tensor call_unpack_hook() override { return kept; }
};

struct Engine : torch::autograd::Engine {
  std::unique_ptr<SavedVariableHooks> get_default_saved_variable_hooks() override {
    if (runs.empty()) return nullptr;
    Run& run = *runs.back();
    if (run.again) return std::make_unique<Remade>(run);
    return std::make_unique<Dropped>(run.segment);
  }
};

torch::autograd::Engine& engine() {
  static auto* only = new Engine();  // its threads may outlive static destructors
  return *only;
}

void run_again(const std::shared_ptr<Segment>& segment) {
  if (!runs_javascript)
    throw std::runtime_error("checkpoint: this libtorch goes backward on a thread of its own, where no segment can be run");
  const napi_env env = segment->run_again.env();
  const HandleScope handles(env);
  napi_value inputs;
  napi_create_array(env, &inputs);
  for (size_t i = 0; i < segment->inputs.size(); i++) {
    at::Tensor input = segment->inputs[i].unpack().detach();
    if (segment->differentiated[i]) input.set_requires_grad(true);
    napi_set_element(env, inputs, i, from_handle(env, keep(std::move(input))));
  }
  filled.push_back(segment);
  Running running(segment, true);
  if (!segment->run_again.call(1, &inputs))
    throw std::runtime_error("checkpoint: the segment threw when it was run again");
  if (segment->complete && running.run.next != segment->notes.size())
    refuse(env, "the segment saved " + std::to_string(segment->notes.size()) + " tensors at first and " +
                    std::to_string(running.run.next) + " when it was run again");
}

/// checkpoint(inputs, body, runAgain) → what body returns. `runAgain(inputs)` is body on new handles of the inputs.
napi_value checkpoint(napi_env env, napi_callback_info info) {
  Arguments<3> arguments(env, info);
  auto segment = std::make_shared<Segment>(env, arguments[2]);
  for (const at::Tensor& input : to_tensors(env, arguments[0], "inputs")) {
    // Inside another segment these are saved, and so dropped, like any tensor of it.
    at::NoGradGuard no_grad;
    segment->inputs.emplace_back(input.detach(), false);
    segment->differentiated.push_back(input.requires_grad());
  }
  Running running(segment, false);
  napi_value global, result = nullptr;
  napi_get_global(env, &global);
  if (napi_call_function(env, global, arguments[1], 0, nullptr, &result) != napi_ok) return nullptr;
  segment->complete = true;
  return result;
}

thread_local int backward_depth = 0;

/// Whether nodes of accelerators run on threads of their own. They must not where a segment may be run again, a gradient is heard of or a
/// derivative is a function of JavaScript, which lives on the calling thread.
bool set_multithreaded(bool on) {
#if TORCH_VERSION_MAJOR >= 2
  auto& state = c10::AutogradState::get_tls_state();
  const bool before = state.get_multithreading_enabled();
  state.set_multithreading_enabled(on);
  return before;
#else
  return on;
#endif
}

}  // namespace

Backward::Backward() {
  backward_depth++;
  was_multithreaded = set_multithreaded(false);
  if (live_segments == 0 && !hears_gradients() && !calls_javascript()) set_multithreaded(was_multithreaded);
}

Backward::~Backward() {
  set_multithreaded(was_multithreaded);
  if (--backward_depth > 0) return;
  for (const auto& weak : filled)
    if (const auto segment = weak.lock())
      for (const Note& note : segment->notes)
        if (note.place) note.place->remade.reset();
  filled.clear();
}

void install_checkpointing() {
  runs_javascript = true;
  torch::autograd::set_default_engine_stub(engine);
}

std::vector<Export> checkpoint_exports() { return {{"checkpoint", entry<checkpoint>}}; }

}  // namespace tsumugi
