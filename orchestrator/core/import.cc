#include "orchestrator/core/import.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "orchestrator/core/import_source.h"

namespace orc {
namespace {

using base::Errc;

/// The source writes local times without a zone; they are taken as UTC.
base::WallTime time_of(const Json& json, const char* key, base::WallTime fallback) {
  const std::string text = text_of(json, key);
  if (const auto time = base::from_iso8601(text)) return *time;
  if (const auto time = base::from_iso8601(text + "Z")) return *time;
  return fallback;
}

/// What is left of the source's fields once those with a home of their own are gone. Nothing of it
/// is interpreted again.
Json without(Json fields, std::initializer_list<const char*> known) {
  for (const char* key : known) fields.erase(key);
  return fields;
}

/// A name that our ids allow.
std::string clean_name(const std::string& name) {
  std::string out = name.substr(0, 64);
  for (char& c : out) {
    const bool good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '-' || c == '_';
    if (!good) c = '_';
  }
  if (out.empty() || out.front() == '-') out.insert(out.begin(), '_');
  return out.substr(0, 64);
}

Task task_of(const SourceTask& source, base::WallTime now) {
  const Json& fields = source.fields;
  Task task;
  task.id = clean_name(source.id);
  task.description = text_of(fields, "task_description", text_of(fields, "description"));
  task.priority = text_of(fields, "priority", "normal");
  if (task.priority != "low" && task.priority != "high" && task.priority != "critical") {
    task.priority = "normal";
  }
  const std::string status = text_of(fields, "status");
  const bool ended = status == "completed" || status == "cancelled";
  if (ended) task.status = status;
  task.created_at = time_of(fields, "created_at", now);
  task.updated_at = task.created_at;
  const Limits defaults;
  task.limits.max_concurrent =
      std::max(0, number_of(fields, "max_concurrent", defaults.max_concurrent));
  task.limits.max_agents = std::max(0, number_of(fields, "max_agents", defaults.max_agents));
  task.limits.max_depth = std::max(0, number_of(fields, "max_depth", defaults.max_depth));
  const auto guidance = fields.find("orchestration_guidance");
  if (guidance != fields.end() && guidance->is_object()) task.guidance = *guidance;
  task.source =
      without(fields, {"task_id", "task_description", "description", "created_at",
                       "orchestration_guidance", "max_agents", "max_depth", "max_concurrent",
                       "total_spawned", "active_count", "completed_count", "agent_hierarchy"});
  if (!ended && !status.empty() && status != "active") task.source["source_status"] = status;
  return task;
}

/// A session without server or process: all that the source knows is a name. So these agents are
/// ghosts as soon as no session bears it.
std::optional<SessionIdentity> session_of(const Json& fields) {
  const std::string name = text_of(fields, "tmux_session");
  if (name.empty()) return std::nullopt;
  SessionIdentity session;
  session.host = "tmux";
  session.name = name;
  return session;
}

base::Result<Agent> agent_of(const SourceAgent& source, base::WallTime now) {
  const Json& fields = source.fields;
  const auto status = parse_agent_status(text_of(fields, "status"));
  if (!status) return std::unexpected(status.error());
  Agent agent;
  agent.id = clean_name(source.id);
  agent.task_id = clean_name(source.task_id);
  agent.type = clean_name(text_of(fields, "type", "agent"));
  agent.status = *status;
  agent.parent = text_of(fields, "parent", std::string(kRootParent));
  agent.depth = number_of(fields, "depth", 1);
  agent.progress = std::clamp(number_of(fields, "progress", 0), 0, 100);
  agent.prompt = text_of(fields, "prompt");
  const auto files = fields.find("tracked_files");
  const bool plain_files =
      files != fields.end() && files->is_array() &&
      std::ranges::all_of(*files, [](const Json& file) { return file.is_string(); });
  if (plain_files) agent.tracked_files = files->get<std::vector<std::string>>();
  agent.created_at = time_of(fields, "started_at", now);
  agent.started_at = agent.created_at;
  agent.updated_at = time_of(fields, "last_update", agent.created_at);
  if (is_terminal(agent.status)) agent.ended_at = agent.updated_at;
  agent.session = session_of(fields);
  // The members that the store finds without parsing stand first.
  agent.source["status"] = to_string(agent.status);
  agent.source["task_id"] = agent.task_id;
  agent.source["type"] = agent.type;
  agent.source.update(without(
      fields, {"status", "task_id", "type", "id", "started_at", "last_update", "tmux_session"}));
  if (files != fields.end() && !plain_files) {
    agent.source.erase("tracked_files");
    agent.source["source_tracked_files"] = *files;
  }
  return agent;
}

/// Brings records in under ids that are unique in the whole workspace. The same source gives the
/// same ids again, so that a second import finds everything there.
class Importer {
 public:
  Importer(Transaction& tx, ImportReport& report) : tx_(tx), report_(report) {}

  void run(const Source& source) {
    const base::WallTime now = base::wall_now();
    for (const SourceTask& task : source.tasks) add_task(task, now);
    std::vector<Agent> agents;
    for (const SourceAgent& origin : source.agents) {
      auto agent = agent_of(origin, now);
      if (!agent) {
        report_.skipped.push_back(fmt::format("agent {} of task {}: {}", origin.id, origin.task_id,
                                              agent.error().message));
        continue;
      }
      if (give_id(*agent, origin.id)) agents.push_back(*std::move(agent));
    }
    for (Agent& agent : agents) {
      const auto renamed = ids_.find({agent.task_id, agent.parent});
      if (renamed != ids_.end()) agent.parent = renamed->second;
      tx_.put(std::move(agent));
      ++report_.agents;
    }
  }

 private:
  void add_task(const SourceTask& source, base::WallTime now) {
    Task task = task_of(source, now);
    if (tx_.task(task.id) != nullptr) return;
    if (task.id != source.id) {
      report_.renamed.push_back(fmt::format("{} -> {}", source.id, task.id));
    }
    tx_.put(std::move(task));
    ++report_.tasks;
  }

  /// False where this record is there already.
  bool give_id(Agent& agent, const std::string& old_id) {
    const std::string wanted = agent.id.substr(0, 58);
    for (int n = 2; used_.contains(agent.id) || is_of_another_task(agent); ++n) {
      agent.id = fmt::format("{}-{}", wanted, n);
    }
    used_.insert(agent.id);
    ids_.try_emplace({agent.task_id, old_id}, agent.id);
    if (tx_.find(agent.id) != nullptr) return false;
    if (agent.id != old_id) {
      report_.renamed.push_back(fmt::format("{} -> {} (task {})", old_id, agent.id, agent.task_id));
    }
    return true;
  }

  bool is_of_another_task(const Agent& agent) const {
    const AgentEntry* entry = tx_.find(agent.id);
    return entry != nullptr && entry->task_id != agent.task_id;
  }

  Transaction& tx_;
  ImportReport& report_;
  std::set<std::string> used_;
  std::map<std::pair<std::string, std::string>, std::string> ids_;  ///< (task, old) -> new
};

}  // namespace

base::Result<ImportReport> import_workspace(const Workspace& workspace,
                                            const std::filesystem::path& source) {
  ImportReport report;
  const auto read = read_source(source, report);
  if (!read) return std::unexpected(read.error());
  const auto commit =
      workspace.store().transact("import", "", [&](Transaction& tx) -> base::Status {
        Importer(tx, report).run(*read);
        return {};
      });
  if (!commit) return std::unexpected(commit.error());
  return report;
}

}  // namespace orc
