#include "harness/supervise/lock_table.h"

#include <cstdlib>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>

#include <fmt/format.h>

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

std::vector<HeldLock> locks_by_fd(pid_t tid, int fd) {
  return read_locks(fmt::format("/proc/{}/fdinfo/{}", tid, fd), "lock:");
}

}  // namespace stress
