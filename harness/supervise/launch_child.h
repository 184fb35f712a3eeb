#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace stress {

/// What a child on its way to its program does, and what it tells of it. Owned by the parent, whose
/// memory the child shares until its execve.
struct ChildPlan {
  char* const* argv = nullptr;
  char* const* env = nullptr;
  const char* cwd = nullptr;  ///< nullptr: the caller's
  int in = -1;
  int out = -1;
  int error = -1;
  int join_fd = -1;                    ///< of a cgroup's list of processes; -1: none
  int cgroup_folder = -1;              ///< of that cgroup, where it can be had
  bool born_in_cgroup = false;         ///< set by start_child(): it need not join any more
  bool fixed_addresses = false;        ///< no randomisation of the address space
  const sock_fprog* filter = nullptr;  ///< nullptr: none

  /// Written by the child with release order, and woken as a futex.
  enum Stage : std::int32_t { kStarting, kReady, kFailed };
  std::int32_t stage = kStarting;
  const char* failed_call = "";   ///< when kFailed
  std::int32_t error_number = 0;  ///< when kFailed
  std::int32_t listener = -1;     ///< a descriptor of the parent's, once the filter is set
  /// Not 0 from before the start until the child has let go of the parent's memory, by its execve
  /// or its death: then the kernel clears it.
  pid_t in_use = 0;
};

/// Starts a child that shares this process's memory (and, where there is a filter, its descriptors
/// until the listener is among them): no page is copied, however large this process is, and nothing
/// is to be handed over. It is in its own process group, has default signal handling, and is ready
/// when its next call is the execve. All signals must be blocked. The plan, what it points to and
/// the stack must stay as they are while `in_use`; the descriptors until it is ready or, without a
/// filter, until this returns. The stack begins and ends at a multiple of 16. Returns its pid, or
/// -errno.
pid_t start_child(ChildPlan& plan, std::byte* stack, std::size_t stack_bytes);

}  // namespace stress
