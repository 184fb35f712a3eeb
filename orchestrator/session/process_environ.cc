#include "orchestrator/session/process_environ.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <memory>

#include "orchestrator/base/unique_fd.h"

namespace orc {
namespace {

std::optional<pid_t> parse_pid(std::string_view text) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (error != std::errc{} || end != text.data() + text.size() || pid <= 0) return std::nullopt;
  return pid;
}

/// Empty for a process that we may not look at, that is gone or that has no memory left, and for a
/// moment in the middle of an exec. `buffer` is reused from process to process.
std::string_view read_environ_once(int proc, const char* pid, std::string& buffer) {
  const std::string path = std::string(pid) + "/environ";
  const base::UniqueFd fd(::openat(proc, path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return {};
  if (buffer.empty()) buffer.resize(16384);
  std::size_t used = 0;
  for (;;) {
    if (used == buffer.size()) buffer.resize(2 * buffer.size());
    const ssize_t got = ::read(fd.get(), buffer.data() + used, buffer.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::string_view(buffer).substr(0, used);
    used += static_cast<std::size_t>(got);
  }
}

/// A process that execs shows no environment for a moment: between its old memory and its new one.
/// To take that for "no session" would make a ghost of a healthy agent that leaves its gate.
std::string_view read_environ(int proc, const char* pid, std::string& buffer) {
  constexpr int kLooks = 200;
  const std::string program = std::string(pid) + "/exe";
  for (int look = 0;; ++look) {
    const std::string_view block = read_environ_once(proc, pid, buffer);
    if (!block.empty() || look == kLooks) return block;
    // Kernel threads, zombies and strangers have no program to be seen; they stay without.
    char target = 0;
    if (::readlinkat(proc, program.c_str(), &target, 1) < 0) return block;
    ::sched_yield();
  }
}

/// The value of the variable, in a block of NUL-terminated KEY=value.
std::string_view find_value(std::string_view block, std::string_view key) {
  for (auto at = block.find(key); at != std::string_view::npos; at = block.find(key, at + 1)) {
    const auto after = at + key.size();
    const bool starts = at == 0 || block[at - 1] == '\0';
    if (!starts || after >= block.size() || block[after] != '=') continue;
    const auto value = block.substr(after + 1);
    return value.substr(0, value.find('\0'));
  }
  return {};
}

}  // namespace

std::optional<SessionMark> parse_session_mark(std::string_view value) {
  std::array<std::string_view, 4> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto end = value.find(':');
    if ((end == std::string_view::npos) != (i + 1 == parts.size())) return std::nullopt;
    parts[i] = value.substr(0, end);
    if (end != std::string_view::npos) value.remove_prefix(end + 1);
  }
  const auto pid = parse_pid(parts[1]);
  if (!pid || parts[0].empty()) return std::nullopt;
  return SessionMark{std::string(parts[0]), *pid, std::string(parts[2]), std::string(parts[3])};
}

base::Result<std::vector<SessionMark>> scan_session_marks() {
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  if (!proc) return base::fail(base::Errc::kUnavailable, "list processes: /proc cannot be read");
  std::vector<SessionMark> marks;
  std::string buffer;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(proc.get());  // NOLINT(concurrency-mt-unsafe): own stream
    if (entry == nullptr) break;
    const auto pid = parse_pid(entry->d_name);
    if (!pid) continue;
    const auto block = read_environ(::dirfd(proc.get()), entry->d_name, buffer);
    auto mark = parse_session_mark(find_value(block, kSessionVariable));
    if (mark && mark->pid == *pid) marks.push_back(std::move(*mark));
  }
  if (errno != 0) return base::fail(base::Errc::kUnavailable, "list processes: /proc broke off");
  return marks;
}

}  // namespace orc
