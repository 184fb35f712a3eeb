#pragma once

#include <chrono>
#include <thread>

#include "harness/supervise/reaper.h"

namespace stress {

/// Looks again and again until `done`; what is awaited has no event to wait for.
template <class Done>
bool poll_until(std::chrono::milliseconds timeout, const Done& done) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!done()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    reap_adopted();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace stress
