#include "harness/campaign/session_probe.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "harness/campaign/session_probes.h"
#include "orchestrator/base/unique_fd.h"

namespace stress {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::int64_t to_number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool kill_process(std::int64_t pid, int signal_number) {
  const base::UniqueFd process(
      static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0)));
  return process.valid() &&
         syscall(SYS_pidfd_send_signal, process.get(), signal_number, nullptr, 0) == 0;
}

std::unique_ptr<SessionProbe> make_session_probe(const RunPlace& place, const Group& group,
                                                 const Target& target, const AgentNames& names) {
  const SessionNaming naming = target.session_naming();
  if (place.sessions == "tmux") return make_tmux_probe(place, naming, names);
  if (place.sessions == "none") return make_empty_probe(place, group);
  if (naming.by_recorded_pid) return make_recorded_probe(place, group, target, names);
  return make_process_probe(place, group, naming);
}

}  // namespace stress
