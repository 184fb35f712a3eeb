#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "orchestrator/base/error.h"
#include "orchestrator/base/unique_fd.h"

namespace stress {

/// All processes of one run: those that join its cgroup (version 2, where this user may make one)
/// and those whose environment carries the run's token (`SPAWNSTORM_RUN=<token>`; inherited by
/// daemons, tmux servers and panes too). The creating process becomes a subreaper: see reaper.h for
/// what it must do as one.
/// Thread-safety: const calls are thread-safe.
class Group {
 public:
  /// `token`: [a-z0-9], at most 64 characters, unique. Errors: kInvalid; kExists (a cgroup of this
  /// token); kUnavailable (a foreign /proc); none for want of a cgroup (see has_cgroup).
  static base::Result<Group> create(std::string token);
  Group(Group&& other) noexcept;
  Group& operator=(Group&&) = delete;
  /// close() with 10 s, in the process that created it alone.
  ~Group();

  [[nodiscard]] const std::string& token() const { return token_; }
  [[nodiscard]] bool has_cgroup() const { return !cgroup_.empty(); }
  /// The cgroup's folder; empty where there is none.
  [[nodiscard]] const std::filesystem::path& cgroup() const { return cgroup_; }
  /// "SPAWNSTORM_RUN=<token>", to be put into the environment of everything that is started.
  [[nodiscard]] std::string environment() const;
  /// Open for writing "0" by a child between fork and exec; -1 where there is no cgroup. O_CLOEXEC.
  [[nodiscard]] int join_fd() const { return join_.get(); }

  struct Member {
    pid_t pid = 0;
    pid_t parent = 0;
    pid_t process_group = 0;
    char state = '?';
    std::string command;  ///< argv joined by spaces
  };
  /// Living members (no zombies), this process and the guardian excepted.
  [[nodiscard]] std::vector<Member> members() const;

  /// SIGKILL to all members, by cgroup.kill where possible and by pidfd, until none is left; reaps
  /// adopted orphans, while owned children (reaper.h) stay their owner's to reap.
  /// Errors: kTimeout, naming who is left.
  base::Status kill_all(std::chrono::milliseconds timeout);
  /// kill_all, then removes the cgroup. Errors: kTimeout, kIo.
  base::Status close(std::chrono::milliseconds timeout);

 private:
  explicit Group(std::string token);
  std::string token_;
  pid_t ender_;  ///< whose destructor ends it; 0: moved from, or closed
  std::filesystem::path cgroup_;
  base::UniqueFd join_;
};

/// Living members of the group with this token, found from outside (the guardian's and the tests'
/// way): by cgroup and by environment.
std::vector<Group::Member> find_members(const std::string& token,
                                        const std::filesystem::path& cgroup);

}  // namespace stress
