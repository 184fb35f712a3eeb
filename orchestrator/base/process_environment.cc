#include "orchestrator/base/process_environment.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include <fmt/format.h>

#include "orchestrator/base/unique_fd.h"

namespace base {
namespace {

std::string_view read_once(const std::string& path, std::string& buffer) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
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
bool has_empty_environment(pid_t pid) {
  const UniqueFd fd(::open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC));
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

}  // namespace

std::string_view process_environment(pid_t pid, std::string& buffer) {
  constexpr int kLooks = 200;
  const std::string path = fmt::format("/proc/{}/environ", pid);
  const std::string program = fmt::format("/proc/{}/exe", pid);
  for (int look = 0;; ++look) {
    const std::string_view block = read_once(path, buffer);
    if (!block.empty() || look == kLooks) return block;
    // Threads of the kernel, zombies and strangers have no program to be seen; they stay without.
    char target = 0;
    if (::readlink(program.c_str(), &target, 1) < 0 || has_empty_environment(pid)) return block;
    const timespec moment{0, 1'000'000};
    ::nanosleep(&moment, nullptr);
  }
}

std::optional<std::string_view> find_variable(std::string_view block, std::string_view key) {
  for (auto at = block.find(key); at != std::string_view::npos; at = block.find(key, at + 1)) {
    const auto after = at + key.size();
    const bool starts = at == 0 || block[at - 1] == '\0';
    if (!starts || after >= block.size() || block[after] != '=') continue;
    const auto value = block.substr(after + 1);
    return value.substr(0, value.find('\0'));
  }
  return std::nullopt;
}

}  // namespace base
