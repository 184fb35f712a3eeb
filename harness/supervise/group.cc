#include "harness/supervise/group.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <sstream>
#include <utility>

#include "harness/supervise/members.h"
#include "harness/supervise/own_proc.h"
#include "harness/supervise/reaper.h"
#include "orchestrator/base/clock.h"
#include "orchestrator/base/file_io.h"

namespace stress {
namespace {

using std::chrono::milliseconds;

/// mountinfo writes a space as \040.
std::filesystem::path unescape(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

/// This process's own group in the version 2 hierarchy: "/user.slice/…".
std::optional<std::filesystem::path> own_cgroup() {
  std::istringstream lines(base::read_file("/proc/self/cgroup").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::/")) return std::filesystem::path(line.substr(3));
  }
  return std::nullopt;
}

/// The same as a folder. Hybrid systems mount version 2 beside version 1 (/sys/fs/cgroup/unified),
/// so the mount is looked up, not assumed.
std::optional<std::filesystem::path> own_cgroup_folder() {
  const auto own = own_cgroup();
  if (!own) return std::nullopt;
  std::istringstream lines(base::read_file("/proc/self/mountinfo").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    const auto separator = line.find(" - cgroup2 ");
    if (separator == std::string::npos) continue;
    std::istringstream fields(line);
    std::string skipped;
    std::string root;
    std::string point;
    fields >> skipped >> skipped >> skipped >> root >> point;
    const auto inside = own->lexically_relative(unescape(root));
    if (inside.empty() || *inside.begin() == "..") continue;  // mounted from elsewhere
    return (unescape(point) / inside).lexically_normal();
  }
  return std::nullopt;
}

/// Permission to make a group does not imply permission to move a process into it, so one is moved.
bool can_join(int join_fd) {
  const pid_t child = ::fork();
  if (child < 0) return false;
  if (child == 0) ::_exit(::write(join_fd, "0", 1) == 1 ? 0 : 1);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

base::Status check_token(const std::string& token) {
  const bool good =
      !token.empty() && token.size() <= 64 && std::ranges::all_of(token, [](char character) {
        return (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9');
      });
  if (good) return {};
  return base::fail(base::Errc::kInvalid, "run token '{}': not 1 to 64 of [a-z0-9]", token);
}

}  // namespace

Group::Group(std::string token) : token_(std::move(token)), ender_(::getpid()) {}

Group::Group(Group&& other) noexcept
    : token_(std::move(other.token_)),
      ender_(std::exchange(other.ender_, 0)),
      cgroup_(std::move(other.cgroup_)),
      join_(std::move(other.join_)) {}

base::Result<Group> Group::create(std::string token) {
  if (const auto good = check_token(token); !good) return std::unexpected(good.error());
  if (base::Status known = check_own_proc(); !known) return std::unexpected(known.error());
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
    return base::fail_errno(errno, "become a subreaper", "prctl");
  }
  Group group(std::move(token));
  const auto parent = own_cgroup_folder();
  if (!parent) return group;
  const auto folder = *parent / ("spawnstorm-" + group.token_);
  if (::mkdir(folder.c_str(), 0755) != 0) {
    if (errno == EEXIST) {
      group.ender_ = 0;  // its members are another's
      return base::fail_errno(EEXIST, "make cgroup", folder);
    }
    return group;
  }
  group.join_.reset(::open((folder / "cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  if (group.join_.valid() && can_join(group.join_.get())) {
    group.cgroup_ = folder;
  } else {
    group.join_.reset();
    ::rmdir(folder.c_str());
  }
  return group;
}

Group::~Group() {
  if (ender_ != ::getpid()) return;
  constexpr milliseconds kTimeout{10'000};
  // A caller that wants to hear of what is left calls close() itself.
  [[maybe_unused]] const auto closed = close(kTimeout);
}

std::string Group::environment() const { return run_environment(token_); }

std::vector<Group::Member> Group::members() const { return find_members(token_, cgroup_); }

base::Status Group::kill_all(milliseconds timeout) {
  auto ended = end_members(token_, cgroup_, timeout, [] { reap_adopted(); });
  reap_adopted();
  reap_adopted();
  return ended;
}

base::Status Group::close(milliseconds timeout) {
  const std::int64_t deadline = base::monotonic_ns() + std::chrono::nanoseconds(timeout).count();
  if (auto ended = kill_all(timeout); !ended) return ended;
  const milliseconds left{std::max<std::int64_t>(0, (deadline - base::monotonic_ns()) / 1'000'000)};
  join_.reset();
  if (auto removed = remove_cgroup(cgroup_, left); !removed) return removed;
  cgroup_.clear();
  ender_ = 0;
  return {};
}

}  // namespace stress
