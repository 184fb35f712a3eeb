#include "orchestrator/base/find_program.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace base {
namespace {

bool is_program(const std::filesystem::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

Result<std::filesystem::path> find_program(const std::string& name,
                                           const std::vector<std::string>& environment) {
  if (name.empty()) return fail(Errc::kInvalid, "a command needs a program to run");
  if (name.contains('/')) return std::filesystem::path(name);
  std::string_view rest = "/usr/local/bin:/usr/bin:/bin";
  for (const std::string& variable : environment) {
    if (variable.starts_with("PATH=")) rest = std::string_view(variable).substr(5);
  }
  for (;;) {
    const auto end = std::min(rest.find(':'), rest.size());
    const std::string_view folder = end == 0 ? "." : rest.substr(0, end);
    std::filesystem::path path = std::filesystem::path(folder) / name;
    if (is_program(path)) return path;
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
  return fail(Errc::kNotFound, "run {}: no such program on PATH", name);
}

}  // namespace base
