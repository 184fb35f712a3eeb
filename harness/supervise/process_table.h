#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stress {

/// One reading of /proc/PID/stat.
struct ProcessStat {
  pid_t pid = 0;
  char state = '?';
  pid_t parent = 0;
  pid_t process_group = 0;
  pid_t session = 0;
  int threads = 0;
  std::uint64_t start_ticks = 0;

  /// Exited, perhaps not reaped. A leader that has ended while threads of it run on is shown as a
  /// zombie too, but is none.
  [[nodiscard]] bool dead() const { return (state == 'Z' || state == 'X') && threads <= 1; }
};

/// nullopt: no such process (any more).
std::optional<ProcessStat> read_stat(pid_t pid);
/// The numbers in /proc; some may be gone when they are used.
std::vector<pid_t> all_processes();
/// argv joined by spaces; empty for a zombie.
std::string command_line(pid_t pid);
/// Whether the environment the process was started with has exactly this "KEY=value". False where
/// it may not be read.
bool has_environment(pid_t pid, std::string_view entry);

}  // namespace stress
