#include "orchestrator/core/import_source.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "orchestrator/base/file_io.h"
#include "orchestrator/core/import_json.h"

namespace orc {
namespace fs = std::filesystem;
namespace {

using base::Errc;

bool is_active_text(const std::string& status) {
  const auto parsed = parse_agent_status(status);
  return parsed && is_active(*parsed);
}

std::string description_of(const Json& task) {
  return text_of(task, "task_description", text_of(task, "description"));
}

/// Keeps what only the global file knows of a record that has a file of its own.
void keep_global(Json& fields, const Json& global) {
  Json only = Json::object();
  for (const auto& [key, value] : global.items()) {
    const auto own = fields.find(key);
    if (own == fields.end() || *own != value) only[key] = value;
  }
  keep(fields, "source_global", std::move(only));
}

class Reader {
 public:
  Reader(const fs::path& folder, ImportReport& report)
      : folder_(folder),
        global_path_(folder / "registry" / "GLOBAL_REGISTRY.json"),
        report_(report) {}

  base::Result<Source> read() {
    if (is_there(global_path_)) global_ = read_object(global_path_);
    read_task_files();
    if (!global_ && source_.tasks.empty()) {
      return base::fail(trouble_.value_or(Errc::kInvalid), "{}: nothing legible to import{}{}",
                        folder_.string(), report_.skipped.empty() ? "" : "; ",
                        report_.skipped.empty() ? "" : report_.skipped.front());
    }
    if (global_) {
      compare_with_global();
      keep_what_concerns_all();
    }
    return std::move(source_);
  }

 private:
  void disagree(std::string sentence) { report_.disagreements.push_back(std::move(sentence)); }

  /// Leaves a whole file or folder out.
  void skip(const fs::path& path, std::string_view why, Errc trouble) {
    report_.skipped.push_back(fmt::format("{}: {}", path.string(), why));
    if (!trouble_) trouble_ = trouble;
  }

  /// Absence is no fault. A folder that may not be entered is one, and no absence.
  bool is_there(const fs::path& path) {
    std::error_code error;
    const fs::file_type type = fs::status(path, error).type();
    if (type == fs::file_type::not_found) return false;
    if (error) {
      skip(path, error.message(), Errc::kIo);
    } else if (type != fs::file_type::regular) {
      skip(path, "not a regular file", Errc::kDamaged);
    }
    return !error && type == fs::file_type::regular;
  }

  std::optional<Json> read_object(const fs::path& path) {
    const auto damaged = [&](std::string_view why) {
      skip(path, why, Errc::kDamaged);
      return std::nullopt;
    };
    const auto text = base::read_file(path);
    if (!text) {
      skip(path, text.error().message, Errc::kIo);
      return std::nullopt;
    }
    if (nests_too_deep(*text)) {
      return damaged(fmt::format("nested more than {} levels deep", kNestingMax));
    }
    try {
      Json json = Json::parse(*text);
      if (!json.is_object()) return damaged("not a JSON object");
      return json;
    } catch (const Json::exception& e) {
      return damaged(e.what());
    }
  }

  /// Empty where it is absent; another type is reported.
  const Json& object_in(const fs::path& file, const Json& json, const char* key) {
    static const Json kNothing = Json::object();
    const auto it = json.find(key);
    if (it == json.end() || it->is_null()) return kNothing;
    if (it->is_object()) return *it;
    report_.skipped.push_back(fmt::format("{}: '{}' is not an object", file.string(), key));
    return kNothing;
  }

  void read_task_files() {
    std::vector<fs::path> files;
    std::error_code error;
    fs::directory_iterator entry(folder_, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      const fs::path folder = entry->path();
      if (!folder.filename().string().starts_with("TASK-")) continue;
      if (is_there(folder / "AGENT_REGISTRY.json")) files.push_back(folder / "AGENT_REGISTRY.json");
    }
    if (error) skip(folder_, error.message(), Errc::kIo);
    std::ranges::sort(files);
    for (const fs::path& file : files) taken_.insert(file.parent_path().filename().string());
    for (const fs::path& file : files) {
      if (auto json = read_object(file)) read_task(file, *std::move(json));
    }
  }

  /// The folder's name is unique: it stands in where the file claims another one's name.
  std::string task_id_of(const fs::path& file, const Json& json) {
    const std::string folder = file.parent_path().filename().string();
    std::string id = text_of(json, "task_id", folder);
    if (id == folder) return id;
    const bool free = !id.empty() && taken_.insert(id).second;
    disagree(fmt::format("{} calls its task {}{}", file.string(), id,
                         free ? "" : ", which is another one: imported as " + folder));
    return free ? id : folder;
  }

  void read_task(const fs::path& file, Json json) {
    SourceTask task{task_id_of(file, json), {}};
    Json agents = json.value("agents", Json::array());
    json.erase("agents");
    if (!agents.is_array()) {
      report_.skipped.push_back(fmt::format("{}: 'agents' is not a list", file.string()));
      json["source_agents"] = std::exchange(agents, Json::array());
    }
    for (const Json& agent : agents) read_agent(file, task.id, agent);
    compare_task(task.id, file, json, agents);
    task.fields = std::move(json);
    source_.tasks.push_back(std::move(task));
  }

  void read_agent(const fs::path& file, const std::string& task_id, const Json& agent) {
    const std::string id = agent.is_object() ? text_of(agent, "id") : std::string();
    if (id.empty()) {
      report_.skipped.push_back(fmt::format("{}: an agent without an id", file.string()));
      return;
    }
    source_.agents.push_back({id, task_id, agent});
  }

  void compare_count(std::string_view whose, const Json& json, const char* key, int counted) {
    const int said = number_of(json, key, counted);
    if (said != counted) {
      disagree(fmt::format("{}: {} is {}, and {} are there", whose, key, said, counted));
    }
  }

  void compare_text(std::string_view whose, std::string_view what, const std::string& here,
                    const std::string& there) {
    if (here.empty() || there.empty() || here == there) return;
    disagree(fmt::format("{}: {} is '{}' in its own file, '{}' in the global registry", whose, what,
                         here, there));
  }

  void compare_task(const std::string& id, const fs::path& file, const Json& json,
                    const Json& agents) {
    int total = 0, active = 0, completed = 0;
    std::map<std::string, std::string> parents;
    for (const Json& agent : agents) {
      if (!agent.is_object()) continue;
      const std::string status = text_of(agent, "status");
      ++total;
      active += is_active_text(status) ? 1 : 0;
      completed += status == "completed" ? 1 : 0;
      parents[text_of(agent, "id")] = text_of(agent, "parent", std::string(kRootParent));
    }
    compare_count("task " + id, json, "total_spawned", total);
    compare_count("task " + id, json, "active_count", active);
    compare_count("task " + id, json, "completed_count", completed);
    compare_hierarchy(id, object_in(file, json, "agent_hierarchy"), parents);
  }

  void compare_hierarchy(const std::string& id, const Json& hierarchy,
                         const std::map<std::string, std::string>& parents) {
    std::set<std::string> named;
    for (const auto& [parent, children] : hierarchy.items()) {
      if (!children.is_array()) continue;
      for (const Json& child : children) {
        const std::string name = child.is_string() ? child.get<std::string>() : child.dump();
        named.insert(name);
        const auto known = parents.find(name);
        if (known == parents.end()) {
          disagree(fmt::format("task {}: agent_hierarchy names {}, which is not in its agents", id,
                               name));
        } else if (known->second != parent) {
          disagree(fmt::format("task {}: agent {} has parent {}, agent_hierarchy says {}", id, name,
                               known->second, parent));
        }
      }
    }
    if (hierarchy.empty()) return;  // many sources have none
    for (const auto& [name, parent] : parents) {
      if (!name.empty() && !named.contains(name)) {
        disagree(fmt::format("task {}: agent {} is not in agent_hierarchy", id, name));
      }
    }
  }

  void compare_with_global() {
    const Json& tasks = object_in(global_path_, *global_, "tasks");
    const Json& agents = object_in(global_path_, *global_, "agents");
    compare_count("the global registry", *global_, "active_tasks", active_tasks(tasks));
    compare_tasks(tasks);
    // Before agents that only the global file knows are added to the others.
    compare_agents(agents);
    add_what_only_global_knows(tasks, agents);
    const auto active_agents = std::ranges::count_if(agents, [](const Json& agent) {
      return agent.is_object() && is_active_text(text_of(agent, "status"));
    });
    compare_count("the global registry", *global_, "total_tasks", static_cast<int>(tasks.size()));
    compare_count("the global registry", *global_, "total_agents_spawned",
                  static_cast<int>(agents.size()));
    compare_count("the global registry", *global_, "active_agents",
                  static_cast<int>(active_agents));
  }

  /// Of those that the global file lists; where it tells no status, their own file does.
  int active_tasks(const Json& tasks) const {
    std::map<std::string, std::string> own;
    for (const SourceTask& task : source_.tasks) own[task.id] = text_of(task.fields, "status");
    int active = 0;
    for (const auto& [id, fields] : tasks.items()) {
      active += is_ended_task(text_of(fields, "status", own[id])) ? 0 : 1;
    }
    return active;
  }

  void compare_tasks(const Json& tasks) {
    std::set<std::string> in_files;
    for (SourceTask& task : source_.tasks) {
      in_files.insert(task.id);
      const auto it = tasks.find(task.id);
      if (it == tasks.end()) {
        disagree(fmt::format("task {} is not in the global registry", task.id));
        continue;
      }
      if (!it->is_object()) continue;
      compare_text("task " + task.id, "status", text_of(task.fields, "status"),
                   text_of(*it, "status"));
      compare_text("task " + task.id, "description", description_of(task.fields),
                   description_of(*it));
      keep_global(task.fields, *it);
    }
    for (const auto& [id, fields] : tasks.items()) {
      if (!in_files.contains(id)) {
        disagree(fmt::format("task {} of the global registry has no legible file of its own", id));
      }
    }
  }

  void compare_agents(const Json& agents) {
    std::set<std::pair<std::string, std::string>> in_files;
    for (const SourceAgent& agent : source_.agents) in_files.emplace(agent.task_id, agent.id);
    for (SourceAgent& agent : source_.agents) {
      const auto it = agents.find(agent.id);
      if (it == agents.end() || !it->is_object()) {
        disagree(fmt::format("agent {} of task {} is not in the global registry", agent.id,
                             agent.task_id));
        continue;
      }
      static constexpr std::array<const char*, 4> kKeys{"status", "type", "parent", "tmux_session"};
      for (const char* key : kKeys) {
        const std::string here = text_of(agent.fields, key), there = text_of(*it, key);
        if (here == there) continue;
        disagree(fmt::format("agent {}: {} is '{}' in task {}, '{}' in the global registry",
                             agent.id, key, here, agent.task_id, there));
      }
      const std::string task_id = text_of(*it, "task_id", agent.task_id);
      if (task_id != agent.task_id) {
        disagree(fmt::format("agent {} is in the file of task {}, the global registry says {}",
                             agent.id, agent.task_id, task_id));
      }
      // The same id in another task may be another agent, and then that is the one meant.
      if (task_id == agent.task_id || !in_files.contains({task_id, agent.id})) {
        Json global = *it;
        if (task_id == agent.task_id) global.erase("task_id");
        keep_global(agent.fields, global);
      }
    }
  }

  void add_what_only_global_knows(const Json& tasks, const Json& agents) {
    std::set<std::string> task_ids, agent_ids;
    for (const SourceTask& task : source_.tasks) task_ids.insert(task.id);
    for (const SourceAgent& agent : source_.agents) agent_ids.insert(agent.id);
    const std::set<std::string> legible = task_ids;
    const auto need_task = [&](const std::string& id, const Json& fields) {
      if (task_ids.insert(id).second) source_.tasks.push_back({id, fields});
    };
    for (const auto& [id, fields] : tasks.items()) {
      need_task(id, fields.is_object() ? fields : Json::object());
    }
    for (const auto& [id, fields] : agents.items()) {
      const std::string task_id = fields.is_object() ? text_of(fields, "task_id") : "";
      if (task_id.empty() && agent_ids.contains(id)) continue;
      if (task_id.empty()) {
        report_.skipped.push_back(fmt::format("global registry: agent {} belongs to no task", id));
        continue;
      }
      // Where its task's own file is illegible, the same id in another task is another agent.
      if (agent_ids.contains(id) && legible.contains(task_id)) continue;
      disagree(fmt::format("agent {} is in the global registry only", id));
      need_task(task_id, Json::object());
      source_.agents.push_back({id, task_id, fields});
    }
  }

  /// What the global file tells of no task and no agent, of which our registry has no place but
  /// these tasks.
  void keep_what_concerns_all() {
    Json all = *global_;
    for (const char* told : {"tasks", "agents", "total_tasks", "active_tasks",
                             "total_agents_spawned", "active_agents"}) {
      all.erase(told);
    }
    for (SourceTask& task : source_.tasks) keep(task.fields, "source_workspace", all);
  }

  const fs::path& folder_;
  const fs::path global_path_;
  ImportReport& report_;
  std::optional<Errc> trouble_;  // of the first file that was left out
  std::set<std::string> taken_;  // names of tasks
  std::optional<Json> global_;
  Source source_;
};

}  // namespace

base::Result<Source> read_source(const fs::path& folder, ImportReport& report) {
  std::error_code error;
  const fs::path inner = folder / ".agent-workspace";
  const fs::path& root = fs::is_directory(inner, error) ? inner : folder;
  const fs::file_type type = fs::status(root, error).type();
  if (error && type != fs::file_type::not_found) {
    return base::fail_errno(error.value(), "open", folder);
  }
  if (type != fs::file_type::directory) {
    return base::fail(Errc::kNotFound, "{} is no folder", folder.string());
  }
  return Reader(root, report).read();
}

bool is_ended_task(const std::string& status) {
  return status == "completed" || status == "cancelled";
}

}  // namespace orc
