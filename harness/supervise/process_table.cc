#include "harness/supervise/process_table.h"

#include <array>
#include <charconv>

#include <fmt/format.h>

#include "harness/supervise/proc_folder.h"
#include "orchestrator/base/file_io.h"
#include "orchestrator/base/process_environment.h"

namespace stress {
namespace {

template <class T>
bool parse(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

std::string read_proc(pid_t pid, std::string_view file) {
  return base::read_file(fmt::format("/proc/{}/{}", pid, file)).value_or("");
}

}  // namespace

std::optional<ProcessStat> read_stat(pid_t pid) {
  const std::string text = read_proc(pid, "stat");
  // Field 2 is the program's name, which may itself contain spaces and parentheses.
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  constexpr std::size_t kFirst = 3;
  constexpr std::size_t kLast = 22;
  std::array<std::string_view, kLast + 1> fields;
  std::string_view rest(text);
  rest.remove_prefix(std::min(name_end + 2, rest.size()));
  for (std::size_t field = kFirst; field <= kLast; ++field) {
    const auto space = std::min(rest.find(' '), rest.size());
    fields[field] = rest.substr(0, space);
    rest.remove_prefix(std::min(space + 1, rest.size()));
  }
  ProcessStat stat{.pid = pid};
  if (fields[3].size() != 1 || !parse(fields[4], stat.parent) ||
      !parse(fields[5], stat.process_group) || !parse(fields[6], stat.session) ||
      !parse(fields[20], stat.threads) || !parse(fields[22], stat.start_ticks)) {
    return std::nullopt;
  }
  stat.state = fields[3].front();
  return stat;
}

std::vector<pid_t> all_processes() { return ProcFolder("/proc").numbers(); }

std::string command_line(pid_t pid) {
  std::string text = read_proc(pid, "cmdline");
  if (text.empty()) {
    // In the middle of an exec; or a zombie, and then there is nothing to wait for.
    std::string buffer;
    if (!base::process_environment(pid, buffer).empty()) text = read_proc(pid, "cmdline");
  }
  while (!text.empty() && text.back() == '\0') text.pop_back();
  for (char& character : text) {
    if (character == '\0') character = ' ';
  }
  return text;
}

bool has_environment(pid_t pid, std::string_view entry) {
  std::string buffer;
  const auto equals = entry.find('=');
  return base::find_variable(base::process_environment(pid, buffer), entry.substr(0, equals)) ==
         entry.substr(equals + 1);
}

}  // namespace stress
