#include "harness/supervise/lock_table.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <optional>
#include <ranges>
#include <sstream>

#include <fmt/format.h>

#include "harness/supervise/proc_folder.h"

namespace stress {
namespace {

/// "POSIX  ADVISORY  WRITE 3568 fd:00:2531452 0 EOF", what comes after the number of a line.
std::optional<HeldLock> parse(std::istringstream& words) {
  std::string kind;
  std::string ignored;
  std::string type;
  std::string last;
  HeldLock lock;
  if (!(words >> kind >> ignored >> type >> lock.pid >> lock.file >> lock.first >> last)) {
    return std::nullopt;  // "->": it waits
  }
  if (kind == "FLOCK") {
    lock.kind = HeldLock::Kind::kFlock;
  } else if (kind == "POSIX") {
    lock.kind = HeldLock::Kind::kPosix;
  } else if (kind == "OFDLCK") {
    lock.kind = HeldLock::Kind::kOfd;
  } else {
    return std::nullopt;  // leases and the like
  }
  lock.exclusive = type == "WRITE";
  lock.last = last == "EOF" ? std::numeric_limits<std::int64_t>::max()
                            : std::strtoll(last.c_str(), nullptr, 10);
  return lock;
}

/// The lines that begin with `prefix` and a number.
std::vector<HeldLock> locks_in(std::string_view text, std::string_view prefix) {
  std::vector<HeldLock> locks;
  for (const auto part : std::views::split(text, '\n')) {
    const std::string_view line(part.begin(), part.end());
    if (!line.starts_with(prefix)) continue;
    std::istringstream words{std::string(line.substr(prefix.size()))};
    std::string number;
    words >> number;
    if (auto lock = parse(words)) locks.push_back(std::move(*lock));
  }
  return locks;
}

std::string all_lines() { return text_at(AT_FDCWD, "/proc/locks"); }

}  // namespace

std::vector<HeldLock> held_locks() { return locks_in(all_lines(), ""); }

std::string lines_about(const std::set<ino_t>& inodes) {
  const std::string all = all_lines();
  std::string lines;
  for (const auto part : std::views::split(all, '\n')) {
    const std::string_view line(part.begin(), part.end());
    const bool is_about = std::ranges::any_of(inodes, [&](ino_t inode) {
      return line.find(fmt::format(":{} ", inode)) != std::string_view::npos;
    });
    if (is_about) lines.append(line.substr(line.find(':'))).push_back('\n');
  }
  return lines;
}

std::vector<HeldLock> locks_by_fd(pid_t tid, int fd) {
  return locks_in(text_at(AT_FDCWD, fmt::format("/proc/{}/fdinfo/{}", tid, fd).c_str()), "lock:");
}

}  // namespace stress
