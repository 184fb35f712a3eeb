#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "harness/supervise/launch_child.h"

namespace stress {

/// All that a child reads and writes of its parent's memory before its execve.
struct LaunchMemory {
  std::vector<std::string> argv;
  std::vector<std::string> env;
  std::string cwd;
  std::vector<char*> argv_pointers;
  std::vector<char*> env_pointers;
  ChildPlan plan;
  alignas(16) std::array<std::byte, 32'768> stack;
  bool held = false;  ///< by the parent; the child's part is plan.in_use
};

/// Ends what the parent has to do with it. It stays in its place until its child, which may not
/// have reached its program for long, has let go of it too; then it is used again.
struct LetGo {
  void operator()(LaunchMemory* memory) const;
};
using HeldLaunchMemory = std::unique_ptr<LaunchMemory, LetGo>;

/// A free one, with a fresh plan. Thread-safe.
HeldLaunchMemory hold_launch_memory();

}  // namespace stress
