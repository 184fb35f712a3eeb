#include "orchestrator/core/import_source.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "orchestrator/base/file_io.h"

namespace orc {
namespace fs = std::filesystem;
namespace {

using base::Errc;

std::optional<Json> read_object(const fs::path& path, ImportReport& report) {
  const auto skip = [&](const std::string& why) {
    report.skipped.push_back(fmt::format("{}: {}", path.string(), why));
    return std::nullopt;
  };
  const auto text = base::read_file(path);
  if (!text) return skip(text.error().message);
  try {
    Json json = Json::parse(*text);
    if (!json.is_object()) return skip("not a JSON object");
    return json;
  } catch (const Json::exception& e) {
    return skip(e.what());
  }
}

bool is_active_text(const std::string& status) {
  const auto parsed = parse_agent_status(status);
  return parsed && is_active(*parsed);
}

const Json& member(const Json& json, const char* key) {
  static const Json kNothing = Json::object();
  const auto it = json.find(key);
  return it == json.end() ? kNothing : *it;
}

class Reader {
 public:
  Reader(const fs::path& folder, ImportReport& report) : folder_(folder), report_(report) {}

  base::Result<Source> read() {
    const fs::path path = folder_ / "registry" / "GLOBAL_REGISTRY.json";
    std::error_code error;
    if (fs::exists(path, error)) global_ = read_object(path, report_);
    read_task_files();
    if (!global_ && source_.tasks.empty()) {
      return base::fail(Errc::kInvalid, "{}: nothing legible to import{}{}", folder_.string(),
                        report_.skipped.empty() ? "" : "; ",
                        report_.skipped.empty() ? "" : report_.skipped.front());
    }
    if (global_) compare_with_global();
    return std::move(source_);
  }

 private:
  void disagree(std::string sentence) { report_.disagreements.push_back(std::move(sentence)); }

  void read_task_files() {
    std::vector<fs::path> files;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder_, error)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("TASK-") && fs::exists(entry.path() / "AGENT_REGISTRY.json", error)) {
        files.push_back(entry.path() / "AGENT_REGISTRY.json");
      }
    }
    std::ranges::sort(files);
    for (const fs::path& file : files) {
      if (auto json = read_object(file, report_)) read_task(file, *std::move(json));
    }
  }

  void read_task(const fs::path& file, Json json) {
    const std::string folder = file.parent_path().filename().string();
    SourceTask task{text_of(json, "task_id", folder), {}};
    if (task.id != folder) {
      disagree(fmt::format("{} calls its task {}", file.string(), task.id));
    }
    const Json agents = json.value("agents", Json::array());
    if (!agents.is_array()) {
      report_.skipped.push_back(fmt::format("{}: 'agents' is not a list", file.string()));
    } else {
      for (const Json& agent : agents) read_agent(file, task.id, agent);
    }
    compare_task(task.id, json, agents);
    json.erase("agents");
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

  void compare_task(const std::string& id, const Json& json, const Json& agents) {
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
    const Json& hierarchy = member(json, "agent_hierarchy");
    for (const auto& [parent, children] : hierarchy.items()) {
      if (!children.is_array()) continue;
      for (const Json& child : children) {
        const std::string name = child.is_string() ? child.get<std::string>() : child.dump();
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
  }

  void compare_with_global() {
    const Json& tasks = member(*global_, "tasks");
    const Json& agents = member(*global_, "agents");
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

  void compare_tasks(const Json& tasks) {
    std::set<std::string> in_files;
    for (const SourceTask& task : source_.tasks) {
      in_files.insert(task.id);
      if (!tasks.contains(task.id)) {
        disagree(fmt::format("task {} is not in the global registry", task.id));
      }
    }
    for (const auto& [id, fields] : tasks.items()) {
      if (!in_files.contains(id)) {
        disagree(fmt::format("task {} of the global registry has no legible file of its own", id));
      }
    }
  }

  void compare_agents(const Json& agents) {
    for (const SourceAgent& agent : source_.agents) {
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

  const fs::path& folder_;
  ImportReport& report_;
  std::optional<Json> global_;
  Source source_;
};

}  // namespace

base::Result<Source> read_source(const fs::path& folder, ImportReport& report) {
  std::error_code error;
  const fs::path inner = folder / ".agent-workspace";
  const fs::path& root = fs::is_directory(inner, error) ? inner : folder;
  if (!fs::is_directory(root, error)) {
    return base::fail(Errc::kNotFound, "{} is no folder", folder.string());
  }
  return Reader(root, report).read();
}

std::string text_of(const Json& json, const char* key, const std::string& fallback) {
  const auto it = json.find(key);
  return it != json.end() && it->is_string() ? it->get<std::string>() : fallback;
}

int number_of(const Json& json, const char* key, int fallback) {
  const auto it = json.find(key);
  if (it == json.end() || !it->is_number_integer()) return fallback;
  const auto value = it->get<std::int64_t>();
  return std::in_range<int>(value) ? static_cast<int>(value) : fallback;
}

}  // namespace orc
