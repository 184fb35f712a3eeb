#include "harness/campaign/canaries.h"

#include <csignal>

#include <fmt/format.h>

#include "harness/campaign/tree_digest.h"
#include "harness/supervise/process_table.h"
#include "orchestrator/base/subprocess.h"

namespace stress {
namespace {

std::string identity(std::int64_t pid) {
  const std::optional<ProcessStat> stat = read_stat(static_cast<pid_t>(pid));
  if (!stat || stat->dead()) return "dead";
  return fmt::format("pid {} started at {}", pid, stat->start_ticks);
}

}  // namespace

base::Status Canaries::plant(Where where) {
  planted_.clear();
  if (where == Where::kOnTheServer) {
    if (base::Status planted = plant_sessions(); !planted) return planted;
  }
  base::Command process;
  process.argv = {"sleep", "infinity"};
  process.env = place_.env;
  process.cwd = place_.workspace;
  const auto started = base::start_detached(process, {});
  if (!started) return std::unexpected(started.error());
  planted_.push_back({"canary-process", "sleep in the workspace", started->pid});
  processes_.push_back(*started);
  return {};
}

base::Status Canaries::plant_sessions() {
  // One the beginning of the other: a session matched by prefix would be taken for its twin.
  // Where the name is all the mark there is, one with the target's prefix would be no stranger.
  const std::string begin =
      (naming_.option.empty() ? std::string(kHarnessSessions) : "") + naming_.prefix;
  for (const std::string& name : {begin + "a-1", begin + "a-10"}) {
    const base::Result<std::int64_t> pid = probe_.start_bystander(name);
    if (!pid) return std::unexpected(pid.error());
    planted_.push_back({"canary-session", name, *pid});
  }
  return {};
}

std::map<std::pair<std::string, std::string>, std::string> Canaries::states() const {
  std::map<std::pair<std::string, std::string>, std::string> result;
  for (const Planted& planted : planted_) {
    result[{planted.kind, planted.name}] = identity(planted.pid);
  }
  if (second_ == nullptr) return result;
  std::string& second = result[{"canary-workspace", second_folder_.filename().string()}];
  for (const auto& [name, digest] : digest_tree(second_folder_, second_->declared_logs())) {
    second += fmt::format("{}: {}\n", name, digest);
  }
  for (const ObservedAgent& agent : second_->observer().observe().agents) {
    if (agent.pid) second += fmt::format("{}: {}\n", agent.id, identity(*agent.pid));
  }
  return result;
}

void Canaries::compare(Collector& collector) const {
  const auto after = states();
  for (const auto& [key, text] : before_) {
    const auto found = after.find(key);
    const Bystander bystander{key.first, key.second, text,
                              found == after.end() ? "gone" : found->second};
    collector.with([&](Evidence& evidence) { evidence.bystanders.push_back(bystander); });
  }
}

void Canaries::end() const {
  for (const base::ProcessIdentity& process : processes_) {
    // One that is gone already was compared before.
    [[maybe_unused]] const auto ended = base::signal_process(process, SIGKILL);
  }
}

}  // namespace stress
