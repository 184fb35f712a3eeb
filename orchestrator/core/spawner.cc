#include "orchestrator/core/spawner.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ranges>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "orchestrator/base/random_id.h"
#include "orchestrator/core/prompt.h"
#include "orchestrator/core/sessions.h"
#include "orchestrator/core/start_place.h"

namespace orc {
namespace fs = std::filesystem;
namespace {

using base::Errc;

constexpr std::size_t kPromptBytesMax = 1u << 20;
constexpr std::size_t kExcerptBytesMax = 200;
constexpr std::size_t kTypeBytesMax = 28;           ///< so that the session's name has at most 64
constexpr std::size_t kCommandBytesMax = 8u << 10;  ///< tmux takes 16 KiB in all
constexpr std::size_t kPathBytesMax = 4096;

base::Status check_command(const std::vector<std::string>& command) {
  if (command.empty()) {
    return base::fail(Errc::kInvalid,
                      "no agent command: give one after `--`, or set the workspace's with "
                      "`orchestrator init --agent-command`");
  }
  if (command.front().empty()) return base::fail(Errc::kInvalid, "the agent command is empty");
  std::size_t bytes = 0;
  for (const std::string& word : command) {
    if (auto ok = check_text("agent command", word, kCommandBytesMax); !ok) return ok;
    bytes += word.size() + 1;
  }
  if (bytes > kCommandBytesMax) {
    return base::fail(Errc::kInvalid, "the agent command has {} bytes, the most is {}", bytes,
                      kCommandBytesMax);
  }
  return {};
}

/// A name without '/' is looked up as execvp(3) does it; relative paths begin at the agent's
/// folder.
base::Status check_program(const std::string& name, const fs::path& cwd) {
  const auto runs = [&](const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(cwd / path, ignored) && ::access((cwd / path).c_str(), X_OK) == 0;
  };
  if (name.find('/') != std::string::npos) {
    if (runs(name)) return {};
    return base::fail(Errc::kInvalid, "there is no program {} that can be run", name);
  }
  const char* path = std::getenv("PATH");
  for (const auto& part : std::views::split(std::string_view(path ? path : "/bin:/usr/bin"), ':')) {
    if (runs(fs::path(part.begin(), part.end()) / name)) return {};
  }
  return base::fail(Errc::kInvalid, "there is no program {} on PATH", name);
}

base::Status check_request(const SpawnRequest& request) {
  if (auto ok = check_name("task", request.task_id); !ok) return ok;
  if (auto ok = check_name("type", request.type); !ok) return ok;
  if (request.type.size() > kTypeBytesMax) {
    return base::fail(Errc::kInvalid, "type '{}' has more than {} characters", request.type,
                      kTypeBytesMax);
  }
  if (auto ok = check_text("prompt", request.prompt, kPromptBytesMax); !ok) return ok;
  for (const std::string& file : request.tracked_files) {
    if (auto ok = check_text("tracked file", file, kPathBytesMax); !ok) return ok;
  }
  return {};
}

base::Status check_limits_of(std::string_view whose, const Limits& limits, const Counts& counts,
                             int depth) {
  if (limits.max_concurrent > 0 && counts.agents_active >= limits.max_concurrent) {
    return base::fail(Errc::kRefused, "{} has {} active agents, its most is {}", whose,
                      counts.agents_active, limits.max_concurrent);
  }
  if (limits.max_agents > 0 && counts.agents_total >= limits.max_agents) {
    return base::fail(Errc::kRefused, "{} has had {} agents, its most is {}", whose,
                      counts.agents_total, limits.max_agents);
  }
  if (limits.max_depth > 0 && depth > limits.max_depth) {
    return base::fail(Errc::kRefused, "depth {} is below the deepest that {} allows, {}", depth,
                      whose, limits.max_depth);
  }
  return {};
}

base::Result<int> depth_of_child(const Transaction& tx, const SpawnRequest& request) {
  if (request.parent == kRootParent) return 1;
  const auto parent = tx.agent(request.parent);
  if (!parent && parent.error().code != Errc::kNotFound) return std::unexpected(parent.error());
  if (!parent || parent->task_id != request.task_id) {
    return base::fail(Errc::kNotFound, "task {} has no agent {} to be the parent", request.task_id,
                      request.parent);
  }
  if (is_terminal(parent->status) || parent->status == AgentStatus::kStopping) {
    return base::fail(Errc::kRefused, "the parent {} is {}: only a living agent gets children",
                      parent->id, to_string(parent->status));
  }
  return parent->depth + 1;
}

/// Whether the rules admit one more agent now; its depth if so.
base::Result<int> admit(const Transaction& tx, const SpawnRequest& request) {
  const Task* task = tx.task(request.task_id);
  if (task == nullptr) return base::fail(Errc::kNotFound, "there is no task {}", request.task_id);
  if (task->status != "active") {
    return base::fail(Errc::kRefused, "task {} is {}", task->id, task->status);
  }
  const auto depth = depth_of_child(tx, request);
  if (!depth) return depth;
  if (auto ok = check_limits_of("the workspace", tx.limits(), tx.counts(), *depth); !ok) {
    return std::unexpected(ok.error());
  }
  const auto by_task = tx.counts_by_task();
  const auto counts = by_task.find(task->id);
  if (auto ok = check_limits_of("task " + task->id, task->limits,
                                counts == by_task.end() ? Counts{} : counts->second, *depth);
      !ok) {
    return std::unexpected(ok.error());
  }
  if (request.unique_type) {
    for (const AgentEntry& entry : tx.agents()) {
      if (entry.task_id == request.task_id && entry.type == request.type &&
          is_active(entry.status)) {
        return base::fail(Errc::kRefused, "task {} has an active agent of type {}: {}",
                          request.task_id, request.type, entry.id);
      }
    }
  }
  return depth;
}

Agent starting_record(const Transaction& tx, const SpawnRequest& request, int depth,
                      std::chrono::milliseconds start_timeout) {
  Agent agent;
  agent.created_at = base::wall_now();
  agent.updated_at = agent.created_at;
  do agent.id = new_agent_id(request.type, agent.created_at);
  while (tx.find(agent.id) != nullptr);
  agent.task_id = request.task_id;
  agent.type = request.type;
  agent.parent = request.parent;
  agent.depth = depth;
  agent.prompt = excerpt(request.prompt, kExcerptBytesMax);
  agent.tracked_files = request.tracked_files;
  agent.deadline = agent.created_at + start_timeout;
  agent.attempt = base::random_id();
  agent.owner = base::self_identity();
  return agent;
}

/// Replaces each {name} in one pass, so that a value which looks like a placeholder stays.
std::string expand(std::string_view word,
                   const std::array<std::pair<std::string_view, std::string>, 5>& values) {
  std::string out;
  while (!word.empty()) {
    const auto hit = std::ranges::find_if(
        values, [&](const auto& value) { return word.starts_with(value.first); });
    if (hit == values.end()) {
      out += word.front();
      word.remove_prefix(1);
    } else {
      out += hit->second;
      word.remove_prefix(hit->first.size());
    }
  }
  return out;
}

/// One attempt after its intent. Its own clean-up on each path that does not end in a commit.
class Attempt {
 public:
  Attempt(const Workspace& workspace, Assignment assignment)
      : workspace_(workspace), assignment_(std::move(assignment)) {}

  base::Status start(const SessionSpec& spec) {
    if (auto ok = write_prompt(workspace_, assignment_); !ok) return give_up(ok.error());
    auto session = workspace_.host().create(spec);
    if (!session) return give_up(session.error());
    if (auto ok = commit(*session); !ok) {
      assignment_.agent.session = *std::move(session);
      return give_up(ok.error());
    }
    return {};
  }

  /// Records the failure, which closes the gate; then ends what came up, known or not; then
  /// removes what was written. Each step is tried though an earlier one failed: what remains is
  /// the validator's. Returns `cause`, never as one of the codes that promise 'no effect'.
  base::Status give_up(base::Error cause) {
    const Agent& agent = assignment_.agent;
    const auto recorded =
        workspace_.store().transact("spawn-failed", agent.id, [&](Transaction& tx) -> base::Status {
          auto record = tx.agent(agent.id);
          if (!record) return std::unexpected(record.error());
          const bool ours = record->attempt == agent.attempt &&
                            (unconfirmed(*record) || claims_session(record->status));
          if (!ours) return {};
          end_record(*record, AgentStatus::kFailed, cause.message, base::wall_now());
          tx.put(*std::move(record));
          return {};
        });
    const auto ended = end_attempt(workspace_, agent);
    std::error_code ignored;
    fs::remove(workspace_.prompt_file(agent.id), ignored);
    if (fs::is_empty(workspace_.log_file(agent.id), ignored) && !ignored) {
      fs::remove(workspace_.log_file(agent.id), ignored);
    }
    if (cause.code == Errc::kRefused || cause.code == Errc::kNotFound ||
        cause.code == Errc::kInvalid || cause.code == Errc::kExists) {
      cause.code = Errc::kIo;
    }
    std::string context = fmt::format("agent {} did not start", agent.id);
    if (!recorded && recorded.error().code != Errc::kNotFound) {
      context += fmt::format(" (and its record waits for repair: {})", recorded.error().message);
    }
    if (!ended) context += fmt::format(" (and its session may live: {})", ended.error().message);
    return base::fail_from(std::move(cause), context);
  }

 private:
  /// Compare and set. An agent that was quicker than its spawner keeps what it reported, its end
  /// included: the spawn has succeeded all the same.
  base::Status commit(const SessionIdentity& session) {
    const Agent& mine = assignment_.agent;
    const auto committed =
        workspace_.store().transact("spawn-commit", mine.id, [&](Transaction& tx) -> base::Status {
          auto record = tx.agent(mine.id);
          if (!record) return std::unexpected(record.error());
          const bool finished =
              record->status == AgentStatus::kCompleted || record->status == AgentStatus::kError;
          if (record->attempt != mine.attempt || record->session ||
              (!unconfirmed(*record) && !finished)) {
            return base::fail(Errc::kConflict, "its record is {} now{}{}",
                              to_string(record->status), record->reason.empty() ? "" : ": ",
                              record->reason);
          }
          if (record->status == AgentStatus::kStarting) record->status = AgentStatus::kRunning;
          record->session = session;
          record->started_at = base::wall_now();
          record->updated_at = *record->started_at;
          record->owner.reset();
          record->deadline.reset();
          tx.put(*std::move(record));
          return {};
        });
    if (!committed) return std::unexpected(committed.error());
    return {};
  }

  const Workspace& workspace_;
  Assignment assignment_;
};

}  // namespace

base::Result<SpawnReply> Spawner::spawn(const SpawnRequest& request) const {
  const std::vector<std::string>& command =
      request.command.empty() ? workspace_.config().agent_command : request.command;
  if (auto ok = check_request(request); !ok) return std::unexpected(ok.error());
  if (auto ok = check_command(command); !ok) return std::unexpected(ok.error());
  const fs::path cwd = request.cwd.empty() ? workspace_.root() : request.cwd;
  // What a placeholder stands for is known only once the agent has a record.
  if (request.find_program && command.front().find('{') == std::string::npos) {
    if (auto ok = check_program(command.front(), cwd); !ok) return std::unexpected(ok.error());
  }

  // Before the intent, whose deadline begins with it.
  const auto place = take_start_place(workspace_);

  Assignment assignment;
  assignment.instructions = request.prompt;
  assignment.command = command;
  assignment.orchestrator = gate_program_;
  const auto intent = workspace_.store().transact(
      "spawn-intent", request.task_id, [&](Transaction& tx) -> base::Status {
        const auto depth = admit(tx, request);
        if (!depth) return std::unexpected(depth.error());
        const Task* task = tx.task(request.task_id);
        assignment.task_description = task->description;
        assignment.guidance = task->guidance;
        assignment.agent = starting_record(tx, request, *depth, workspace_.config().start_timeout);
        tx.put(assignment.agent);
        return {};
      });
  const Agent agent = assignment.agent;
  if (!intent) {
    // A commit whose last step failed may be on disk: then its record must not wait for its end.
    if (intent.error().code == Errc::kIo && !agent.id.empty()) {
      return std::unexpected(
          Attempt(workspace_, std::move(assignment)).give_up(intent.error()).error());
    }
    return std::unexpected(intent.error());
  }

  SpawnReply reply{agent.id, session_name(agent.id), agent.depth, workspace_.prompt_file(agent.id),
                   workspace_.config().session_log ? workspace_.log_file(agent.id) : fs::path()};
  SessionSpec spec;
  spec.name = reply.session;
  spec.workspace = workspace_.config().workspace_id;
  spec.attempt = agent.attempt;
  spec.argv = {gate_program_.string(), "gate", workspace_.root().string(), agent.id,
               agent.attempt,          "--"};
  const std::array<std::pair<std::string_view, std::string>, 5> values{
      {{"{agent_id}", agent.id},
       {"{task_id}", agent.task_id},
       {"{type}", agent.type},
       {"{prompt_file}", reply.prompt_file.string()},
       {"{workspace}", workspace_.root().string()}}};
  for (const std::string& word : command) spec.argv.push_back(expand(word, values));
  spec.cwd = cwd;
  spec.log = reply.log_file;
  if (auto ok = Attempt(workspace_, std::move(assignment)).start(spec); !ok) {
    return std::unexpected(ok.error());
  }
  return reply;
}

}  // namespace orc
