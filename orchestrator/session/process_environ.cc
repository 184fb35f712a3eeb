#include "orchestrator/session/process_environ.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>
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

/// Whether the process was started with an environment of no variable at all. In the middle of an
/// exec the kernel says neither that nor anything else.
bool has_empty_environment(int proc, const char* pid) {
  const std::string path = std::string(pid) + "/stat";
  const base::UniqueFd fd(::openat(proc, path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 2048> text{};
  const ssize_t got = fd.valid() ? ::read(fd.get(), text.data(), text.size()) : -1;
  if (got <= 0) return true;  // it is gone
  std::string_view rest(text.data(), static_cast<std::size_t>(got));
  rest.remove_prefix(std::min(rest.rfind(')') + 2, rest.size()));  // from field 3 on
  constexpr int kEnvStart = 50;
  for (int field = 3; field < kEnvStart && !rest.empty(); ++field) {
    rest.remove_prefix(std::min(rest.find(' ') + 1, rest.size()));
  }
  const std::string_view start = rest.substr(0, rest.find(' '));
  rest.remove_prefix(std::min(start.size() + 1, rest.size()));
  return start != "0" && start == rest.substr(0, rest.find(' '));
}

/// A process that execs shows no environment for a moment: between its old memory and its new one.
/// To take that for "no session" would overlook a healthy agent that leaves its gate.
std::string_view read_environ(int proc, const char* pid, std::string& buffer) {
  constexpr int kLooks = 200;
  const std::string program = std::string(pid) + "/exe";
  for (int look = 0;; ++look) {
    const std::string_view block = read_environ_once(proc, pid, buffer);
    if (!block.empty() || look == kLooks) return block;
    // Kernel threads, zombies and strangers have no program to be seen; they stay without.
    char target = 0;
    if (::readlinkat(proc, program.c_str(), &target, 1) < 0) return block;
    if (has_empty_environment(proc, pid)) return block;
    const timespec moment{0, 1'000'000};
    ::nanosleep(&moment, nullptr);
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
