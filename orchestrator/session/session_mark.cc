#include "orchestrator/session/session_mark.h"

#include <dirent.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <memory>

#include "orchestrator/base/process_environment.h"

namespace orc {
namespace {

std::optional<pid_t> parse_pid(std::string_view text) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (error != std::errc{} || end != text.data() + text.size() || pid <= 0) return std::nullopt;
  return pid;
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
    const auto block = base::process_environment(*pid, buffer);
    auto mark = parse_session_mark(base::find_variable(block, kSessionVariable).value_or(""));
    if (mark && mark->pid == *pid) marks.push_back(std::move(*mark));
  }
  if (errno != 0) return base::fail(base::Errc::kUnavailable, "list processes: /proc broke off");
  return marks;
}

}  // namespace orc
