#pragma once

#include <signal.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/base/error.h"
#include "orchestrator/base/unique_fd.h"

namespace base {

/// The environment of a child, complete before it is forked. `with_pid`: where a value contains
/// "{pid}", room is left for the child to write its own pid there without allocating.
/// Thread-safety: none; the pointers live as long as the object and do not survive a move.
class ChildEnvironment {
 public:
  ChildEnvironment(const std::vector<std::string>& variables, bool with_pid);
  ChildEnvironment(const ChildEnvironment&) = delete;
  ChildEnvironment& operator=(const ChildEnvironment&) = delete;

  /// Async-signal-safe.
  void substitute_pid(pid_t pid) noexcept;
  [[nodiscard]] const char* const* pointers() const { return pointers_.data(); }

 private:
  struct Template {
    std::string text;
    std::string buffer;  ///< sized for the longest pid at each place
  };
  std::vector<std::string> plain_;
  std::vector<Template> templates_;
  std::vector<const char*> pointers_;
};

/// What a child tells its starter before exec.
struct ChildReport {
  enum class Step : int { kStarted, kFork, kSession, kStdio, kFolder, kDescriptors, kExec };
  Step step;
  int value;  ///< kStarted: the pid; else the errno of the failed step
};

std::string_view to_string(ChildReport::Step step);

/// What a child does between fork and exec. It runs in the memory of its (multithreaded) parent
/// after vfork, so nothing in it allocates, locks or throws.
class ChildSetup {
 public:
  std::array<int, 3> stdio{-1, -1, -1};  ///< each above 2
  int channel = -1;                      ///< one end of a socket pair; reports go there
  const char* cwd = nullptr;             ///< null: the parent's
  bool detached = false;  ///< fork again, own session, wait for the parent's word before exec
  ChildEnvironment* environment = nullptr;

  /// Returns in the process that is to exec; false when a step failed, which is reported then.
  [[nodiscard]] bool prepare() const noexcept;
  void report(ChildReport::Step step, int value) const noexcept;

 private:
  bool failed(ChildReport::Step step, long result) const noexcept;
  bool leave_parent() const noexcept;
  bool close_others() const noexcept;
  bool wait_for_word() const noexcept;
};

/// Blocks every signal of the calling thread for the life of the object: a handler that ran in a
/// child which shares our memory would act on the parent's data.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

/// The same file under a number above 2, so that dup2 onto 0, 1 and 2 cannot overwrite a source.
Result<UniqueFd> above_stdio(UniqueFd fd);

}  // namespace base
