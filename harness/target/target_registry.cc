#include <unistd.h>

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "harness/target/command.h"
#include "harness/target/target.h"
#include "harness/target/target_file.h"

namespace stress {
namespace {

struct Targets {
  std::mutex mutex;
  std::map<std::string, TargetFactory> by_name;
};

Targets& targets() {
  static Targets instance;
  return instance;
}

}  // namespace

void register_target(const std::string& name, TargetFactory factory) {
  const std::lock_guard lock(targets().mutex);
  targets().by_name[name] = factory;
}

base::Result<std::unique_ptr<Target>> make_target(const std::string& name, const RunPlace& place) {
  if (is_target_file(name)) {
    base::Result<TargetFile> file = load_target_file(name);
    if (!file) return std::unexpected(file.error());
    return make_command_target(*std::move(file), place);
  }
  TargetFactory factory = nullptr;
  {
    const std::lock_guard lock(targets().mutex);
    const auto found = targets().by_name.find(name);
    if (found == targets().by_name.end()) {
      std::string known;
      for (const auto& [other, unused] : targets().by_name) known += " " + other;
      return base::fail(
          base::Errc::kNotFound,
          "no target '{}'; known:{}; a target file's name ends in .json or contains a '/'", name,
          known.empty() ? " none" : known);
    }
    factory = found->second;
  }
  return factory(place);
}

base::Status furnish(const std::string& name, RunPlace& place) {
  if (!is_target_file(name)) return {};
  const base::Result<TargetFile> file = load_target_file(name);
  if (!file) return std::unexpected(file.error());
  return furnish_for_commands(*file, place);
}

base::Status Target::attach(RunPlace& /*place*/, bool /*commands*/) {
  return base::fail(base::Errc::kInvalid, "the target {} cannot be looked at while it is in use",
                    facts().name);
}

std::filesystem::path tmux_socket_folder(const std::vector<std::string>& env) {
  constexpr std::string_view kVariable = "TMUX_TMPDIR=";
  std::filesystem::path base = "/tmp";
  for (const std::string& entry : env) {
    if (entry.starts_with(kVariable) && entry.size() > kVariable.size()) {
      base = std::filesystem::absolute(entry.substr(kVariable.size()));
    }
  }
  return base / fmt::format("tmux-{}", ::getuid());
}

std::optional<std::string> SessionNaming::agent_of(const std::string& session) const {
  if (session.size() <= prefix.size() + suffix.size()) return std::nullopt;
  if (!session.starts_with(prefix) || !session.ends_with(suffix)) return std::nullopt;
  if (session.starts_with(kHarnessSessions)) return std::nullopt;
  if (!names_agent) return std::string();
  return session.substr(prefix.size(), session.size() - prefix.size() - suffix.size());
}

}  // namespace stress
