// What a call of libtorch's engine needs around it so that segments can be run again from inside.
#pragma once

namespace tsumugi {

/// Exists while the engine runs. At the end of the outermost one, what segments made again and nobody took is freed.
struct Backward {
  Backward();
  ~Backward();

 private:
  bool was_multithreaded;
};

}  // namespace tsumugi
