#include "harness/supervise/op.h"

#include <sched.h>

#include <array>
#include <chrono>

#include <fmt/format.h>

#include "harness/supervise/decode.h"

namespace stress {
namespace {

/// As much of it as a sentence bears.
std::string quoted_argv(const Op& op) {
  constexpr std::size_t kShown = 200;
  if (op.argv.empty()) return {};
  const bool all = op.argv.size() <= kShown;
  return fmt::format(" with '{}'{}{}", op.argv.substr(0, kShown), all ? "" : "...",
                     op.argv_cut ? fmt::format(" (looked at: {} bytes)", kArgvBytesMax) : "");
}

std::string length(std::chrono::nanoseconds sleep) {
  if (sleep == std::chrono::nanoseconds::max()) return "without end";
  return fmt::format("of {} ms", std::chrono::duration<double, std::milli>(sleep).count());
}

}  // namespace

std::string_view to_string(Sys sys) {
  static constexpr std::array<std::string_view, 22> kNames = {
      "open",  "write", "fsync",  "rename", "link",    "unlink", "folder", "truncate",
      "chmod", "lock",  "unlock", "exec",   "connect", "send",   "signal", "exit",
      "read",  "look",  "sleep",  "random", "fork",    "other"};
  return kNames.at(static_cast<std::size_t>(sys));
}

std::string describe(const Op& op) {
  switch (op.sys) {
    case Sys::kWrite:
      return fmt::format("{} of {} bytes to {}", op.name, op.bytes, op.path);
    case Sys::kRename:
    case Sys::kLink:
      return fmt::format("{} of {} to {}", op.name, op.path, op.path2);
    case Sys::kUnlock:
      return fmt::format("{} (unlock) of {}", op.name, op.path);
    case Sys::kSync:
      return fmt::format("{} of {}{}", op.name, op.folder ? "the folder " : "", op.path);
    case Sys::kSignal:
      return fmt::format("{} with signal {}", op.name, op.flags);
    case Sys::kExit:
      return std::string(op.name);
    case Sys::kRead:
      return fmt::format("{} of {} bytes from {}", op.name, op.bytes, op.path);
    case Sys::kLook:
      return fmt::format("{} of {}{}", op.name, op.folder ? "the folder " : "", op.path);
    case Sys::kSleep:
      return fmt::format("{} {}", op.name, length(op.sleep));
    case Sys::kRandom:
      return fmt::format("{} of {} bytes", op.name, op.bytes);
    case Sys::kFork:
      return fmt::format("{} of a {}", op.name,
                         (op.flags & CLONE_THREAD) != 0 ? "thread" : "process");
    case Sys::kExec:
      return fmt::format("{} of {}{}", op.name, op.path, quoted_argv(op));
    default:
      return fmt::format("{} of {}", op.name, op.path);
  }
}

}  // namespace stress
