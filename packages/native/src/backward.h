// What a call of libtorch's engine needs around it so that segments can be run again from inside.
#pragma once

namespace tsumugi {

/// Whether a JavaScript function hears of gradients while they are made.
bool hears_gradients();

/// Whether a graph of this thread has nodes whose derivative is a JavaScript function.
bool calls_javascript();

/// Exists while the engine runs. At the end of the outermost one, what segments made again and nobody took is freed.
struct Backward {
  Backward();
  ~Backward();

 private:
  bool was_multithreaded;
};

}  // namespace tsumugi
