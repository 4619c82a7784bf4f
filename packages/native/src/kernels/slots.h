// States of several texts in the numbered slots of one tensor: which each row of a pass goes on from, and where it leaves its own.
#pragma once
#include "kernel.h"

namespace tsumugi {

/// Rows are taken in order, so a row may go on from what one before it left. Without numbers row r has slot r.
struct Slots {
  std::vector<int64_t> from, to;

  Slots(const char* name, at::IntArrayRef from_slots, at::IntArrayRef to_slots, int64_t rows, int64_t count)
      : from(numbers(name, from_slots, rows, count)), to(numbers(name, to_slots, rows, count)) {}

 private:
  static std::vector<int64_t> numbers(const char* name, at::IntArrayRef slots, int64_t rows, int64_t count) {
    std::vector<int64_t> all(slots.begin(), slots.end());
    for (int64_t r = 0; slots.empty() && r < rows; r++) all.push_back(r);
    TORCH_CHECK(static_cast<int64_t>(all.size()) == rows, name, ": ", rows, " rows need as many slots, got ", all.size());
    for (const int64_t slot : all)
      TORCH_CHECK(0 <= slot && slot < count, name, ": there is no slot ", slot, " of ", count);
    return all;
  }
};

}  // namespace tsumugi
