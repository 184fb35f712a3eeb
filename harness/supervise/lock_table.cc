#include "harness/supervise/lock_table.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <optional>
#include <ranges>
#include <sstream>

#include <fmt/format.h>

#include "orchestrator/base/file_io.h"

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
std::vector<HeldLock> read_locks(const std::string& path, std::string_view prefix) {
  std::vector<HeldLock> locks;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(prefix)) continue;
    std::istringstream words(line.substr(prefix.size()));
    std::string number;
    words >> number;
    if (auto lock = parse(words)) locks.push_back(std::move(*lock));
  }
  return locks;
}

}  // namespace

std::vector<HeldLock> held_locks() { return read_locks("/proc/locks", ""); }

std::string lines_about(const std::set<ino_t>& inodes) {
  const std::string all = base::read_file("/proc/locks").value_or("");
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
  return read_locks(fmt::format("/proc/{}/fdinfo/{}", tid, fd), "lock:");
}

}  // namespace stress
