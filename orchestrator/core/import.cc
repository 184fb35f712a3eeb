#include "orchestrator/core/import.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <ranges>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "orchestrator/core/import_json.h"
#include "orchestrator/core/import_source.h"

namespace orc {
namespace {

/// The source writes local times without a zone; they are taken as UTC.
std::optional<base::WallTime> parse_time(const Json& value) {
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  if (const auto time = base::from_iso8601(text)) return *time;
  if (const auto time = base::from_iso8601(text + "Z")) return *time;
  return std::nullopt;
}

base::WallTime time_of(const Json& json, const char* key, base::WallTime fallback) {
  const auto it = json.find(key);
  return it == json.end() ? fallback : parse_time(*it).value_or(fallback);
}

/// Where our records tell a member of the source under another name, or only at times.
struct Home {
  std::string_view theirs;
  std::string_view ours;  ///< a JSON pointer; empty: it is derived from the other records
};

constexpr std::array<Home, 10> kTaskHomes{{{"task_id", "/id"},
                                           {"task_description", "/description"},
                                           {"orchestration_guidance", "/guidance"},
                                           {"max_concurrent", "/limits/max_concurrent"},
                                           {"max_agents", "/limits/max_agents"},
                                           {"max_depth", "/limits/max_depth"},
                                           {"total_spawned", ""},
                                           {"active_count", ""},
                                           {"completed_count", ""},
                                           {"agent_hierarchy", ""}}};
constexpr std::array<Home, 7> kAgentHomes{{{"last_update", "/updated_at"},
                                           {"tmux_session", "/session/name"},
                                           {"started_at", "/started_at"},
                                           {"ended_at", "/ended_at"},
                                           {"deadline", "/deadline"},
                                           {"owner", "/owner"},
                                           {"session", "/session"}}};

/// The same moment may be written in several ways.
bool same(const Json& theirs, const Json& ours) {
  if (theirs == ours) return true;
  const auto time = parse_time(theirs);
  return time && time == parse_time(ours);
}

/// Where our record tells it; null: nowhere at present.
const Json* find_told(const Json& ours, const Home& home) {
  const Json::json_pointer place{std::string(home.ours)};
  return ours.contains(place) ? &ours.at(place) : nullptr;
}

/// What our record does not tell of the source's members: unknown ones as they are, the others as
/// `source_<name>`. Nothing of it is interpreted again.
Json untold(const Json& fields, const Json& ours, std::span<const Home> homes) {
  Json out = Json::object();
  for (const auto& [key, value] : fields.items()) {
    const auto home = std::ranges::find(homes, std::string_view(key), &Home::theirs);
    const bool housed = home != homes.end();
    if (!housed && !ours.contains(key)) {
      out[key] = value;
      continue;
    }
    if (value.is_null() || (housed && home->ours.empty())) continue;
    const Json* told = housed ? find_told(ours, *home) : &ours.at(key);
    if (told != nullptr && same(value, *told)) continue;
    std::string name = "source_" + key;
    while (fields.contains(name)) name.insert(0, "source_");
    out[name] = value;
  }
  return out;
}

constexpr std::size_t kStemMax = 58;  ///< leaves room for a number that makes it unique

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

Task task_of(const SourceTask& source, const std::string& id, base::WallTime now) {
  const Json& fields = source.fields;
  Task task;
  task.id = id;
  task.description = text_of(fields, "task_description", text_of(fields, "description"));
  task.priority = text_of(fields, "priority", "normal");
  if (task.priority != "low" && task.priority != "high" && task.priority != "critical") {
    task.priority = "normal";
  }
  const std::string status = text_of(fields, "status");
  if (is_ended_task(status)) task.status = status;
  task.created_at = time_of(fields, "created_at", now);
  task.updated_at = time_of(fields, "updated_at", task.created_at);
  const Limits defaults;
  task.limits.max_concurrent =
      std::max(0, number_of(fields, "max_concurrent", defaults.max_concurrent));
  task.limits.max_agents = std::max(0, number_of(fields, "max_agents", defaults.max_agents));
  task.limits.max_depth = std::max(0, number_of(fields, "max_depth", defaults.max_depth));
  const auto guidance = fields.find("orchestration_guidance");
  if (guidance != fields.end() && guidance->is_object()) task.guidance = *guidance;
  task.source = untold(fields, to_json(task), kTaskHomes);
  if (id != source.id) task.source["source_task_id"] = source.id;
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

std::vector<std::string> files_of(const Json& fields) {
  const auto files = fields.find("tracked_files");
  const bool plain = files != fields.end() && files->is_array() &&
                     std::ranges::all_of(*files, [](const Json& file) { return file.is_string(); });
  return plain ? files->get<std::vector<std::string>>() : std::vector<std::string>();
}

/// Not yet with what depends on the other records: id, parent and `source`.
base::Result<Agent> agent_of(const SourceAgent& source, const std::string& task_id,
                             base::WallTime now) {
  const Json& fields = source.fields;
  const auto status = parse_agent_status(text_of(fields, "status"));
  if (!status) return std::unexpected(status.error());
  Agent agent;
  agent.id = clean_name(source.id);
  agent.task_id = task_id;
  agent.type = clean_name(text_of(fields, "type", "agent"));
  agent.status = *status;
  agent.parent = text_of(fields, "parent", std::string(kRootParent));
  agent.depth = number_of(fields, "depth", 1);
  agent.progress = std::clamp(number_of(fields, "progress", 0), 0, 100);
  agent.message = text_of(fields, "message");
  agent.reason = text_of(fields, "reason");
  agent.prompt = text_of(fields, "prompt");
  agent.tracked_files = files_of(fields);
  agent.started_at = time_of(fields, "started_at", now);
  agent.created_at = time_of(fields, "created_at", *agent.started_at);
  agent.updated_at =
      time_of(fields, "last_update", time_of(fields, "updated_at", agent.created_at));
  if (is_terminal(agent.status)) agent.ended_at = time_of(fields, "ended_at", agent.updated_at);
  agent.session = session_of(fields);
  return agent;
}

/// The members that the store finds without parsing stand first.
Json agent_source(const Agent& agent, const SourceAgent& origin) {
  Json source{
      {"status", to_string(agent.status)}, {"task_id", agent.task_id}, {"type", agent.type}};
  source.update(untold(origin.fields, to_json(agent), kAgentHomes));
  if (agent.id != origin.id) source["source_id"] = origin.id;
  return source;
}

/// Brings records in under ids that are unique in the whole workspace. The same source gives the
/// same ids again, so that a second import finds everything there.
class Importer {
 public:
  Importer(Transaction& tx, ImportReport& report) : tx_(tx), report_(report) {}

  void run(const Source& source) {
    const base::WallTime now = base::wall_now();
    name_tasks(source.tasks);
    for (const SourceTask& task : source.tasks) add_task(task, now);
    std::vector<New> agents;
    for (const SourceAgent& origin : source.agents) {
      auto agent = agent_of(origin, task_ids_.at(origin.task_id), now);
      if (!agent) {
        report_.skipped.push_back(fmt::format("agent {} of task {}: {}", origin.id, origin.task_id,
                                              agent.error().message));
        continue;
      }
      if (give_id(*agent, origin.id)) agents.push_back({*std::move(agent), &origin});
    }
    for (New& added : agents) {
      const auto renamed = ids_.find({added.agent.task_id, added.agent.parent});
      if (renamed != ids_.end()) added.agent.parent = renamed->second;
    }
    give_depths(agents);
    for (New& added : agents) {
      added.agent.source = agent_source(added.agent, *added.origin);
      tx_.put(std::move(added.agent));
      ++report_.agents;
    }
  }

 private:
  struct New {
    Agent agent;
    const SourceAgent* origin;
  };

  /// A name that needs no change keeps it; what the others become must be no other task's.
  void name_tasks(const std::vector<SourceTask>& tasks) {
    std::set<std::string> used;
    for (const SourceTask& task : tasks) {
      if (clean_name(task.id) != task.id) continue;
      used.insert(task.id);
      task_ids_[task.id] = task.id;
    }
    for (const SourceTask& task : tasks) {
      if (task_ids_.contains(task.id)) continue;
      const std::string wanted = clean_name(task.id);
      std::string id = wanted;
      for (int n = 2; !used.insert(id).second; ++n) {
        id = fmt::format("{}-{}", wanted.substr(0, kStemMax), n);
      }
      task_ids_[task.id] = id;
    }
  }

  void add_task(const SourceTask& source, base::WallTime now) {
    const std::string& id = task_ids_.at(source.id);
    if (tx_.task(id) != nullptr) return;
    if (id != source.id) report_.renamed.push_back(fmt::format("{} -> {}", source.id, id));
    tx_.put(task_of(source, id, now));
    ++report_.tasks;
  }

  /// Where the source tells no depth it is one more than the parent's.
  void give_depths(std::vector<New>& agents) {
    std::map<std::string, New*> unknown;
    std::map<std::string, const Agent*> known;
    for (New& added : agents) {
      known[added.agent.id] = &added.agent;
      const auto depth = added.origin->fields.find("depth");
      const bool told = depth != added.origin->fields.end() && depth->is_number_integer();
      if (!told) unknown[added.agent.id] = &added;
    }
    for (New& added : agents) {
      // Up to the first whose depth is known. Each is taken once, so that a cycle ends as well.
      std::vector<Agent*> chain;
      std::string at = added.agent.id;
      for (auto node = unknown.extract(at); node; node = unknown.extract(at)) {
        chain.push_back(&node.mapped()->agent);
        at = chain.back()->parent;
      }
      if (chain.empty()) continue;
      const auto above = known.find(at);
      int depth = above != known.end() ? above->second->depth : stored_depth(at);
      for (Agent* agent : chain | std::views::reverse) {
        if (depth < std::numeric_limits<int>::max()) ++depth;
        agent->depth = depth;
      }
    }
  }

  /// Of a parent that is no part of this import; 0 for the root.
  int stored_depth(const std::string& id) const {
    const auto agent = tx_.agent(id);
    return agent ? agent->depth : 0;
  }

  /// False where this record is there already.
  bool give_id(Agent& agent, const std::string& old_id) {
    const std::string wanted = agent.id.substr(0, kStemMax);
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
  std::map<std::string, std::string> task_ids_;  ///< old -> new
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
