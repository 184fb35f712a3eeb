// How records look as JSON. The order of the first members is part of the store's file format.
#include <concepts>
#include <optional>
#include <string>
#include <utility>

#include "orchestrator/registry/record.h"

namespace orc {
namespace {

/// Reads members of one object; remembers the first that is wrong.
class Fields {
 public:
  Fields(const Json& json, std::string_view what) : json_(json), what_(what) {
    if (!json.is_object()) blame("it is not an object");
  }

  [[nodiscard]] const Json* find(const char* name) const {
    if (!json_.is_object()) return nullptr;
    const auto member = json_.find(name);
    return member == json_.end() || member->is_null() ? nullptr : &*member;
  }

  void required(const char* name, std::string& value) {
    if (find(name) == nullptr) return blame(fmt::format("'{}' is missing", name));
    optional(name, value);
  }

  void optional(const char* name, std::string& value) {
    const Json* member = find(name);
    if (member == nullptr) return;
    if (!member->is_string()) return blame(fmt::format("'{}' is not text", name));
    value = member->get_ref<const std::string&>();
  }

  template <std::integral Integer>
  void optional(const char* name, Integer& value) {
    const Json* member = find(name);
    if (member == nullptr) return;
    const bool fits =
        member->is_number_unsigned()
            ? std::in_range<Integer>(member->get<std::uint64_t>())
            : member->is_number_integer() && std::in_range<Integer>(member->get<std::int64_t>());
    if (!fits) return blame(fmt::format("'{}' is not a fitting whole number", name));
    value = member->get<Integer>();
  }

  void optional(const char* name, base::WallTime& value) {
    std::optional<base::WallTime> time;
    optional(name, time);
    value = time.value_or(value);
  }

  void optional(const char* name, std::optional<base::WallTime>& value) {
    std::string text;
    optional(name, text);
    if (text.empty()) return;
    auto time = base::from_iso8601(text);
    if (!time) return blame(fmt::format("'{}' is {}", name, time.error().message));
    value = *time;
  }

  void blame(std::string problem) {
    if (!problem_) problem_ = std::move(problem);
  }

  /// A part of this object has been read with Fields of its own.
  void adopt(const char* name, const Fields& part) {
    if (part.problem_) blame(fmt::format("'{}': {}", name, *part.problem_));
  }

  [[nodiscard]] base::Status status() const {
    if (!problem_) return {};
    return base::fail(base::Errc::kDamaged, "{}: {}", what_, *problem_);
  }

 private:
  const Json& json_;
  std::string what_;
  std::optional<std::string> problem_;
};

void read_identity(Fields& in, const char* name, std::optional<base::ProcessIdentity>& value) {
  const Json* json = in.find(name);
  if (json == nullptr) return;
  Fields part(*json, name);
  base::ProcessIdentity identity;
  part.optional("machine", identity.machine);
  part.optional("boot", identity.boot);
  part.optional("pid_namespace", identity.pid_namespace);
  part.optional("pid", identity.pid);
  part.optional("start_ticks", identity.start_ticks);
  in.adopt(name, part);
  value = std::move(identity);
}

void read_session(Fields& in, std::optional<SessionIdentity>& value) {
  const Json* json = in.find("session");
  if (json == nullptr) return;
  Fields part(*json, "session");
  SessionIdentity session;
  part.optional("host", session.host);
  part.optional("name", session.name);
  part.optional("session_id", session.session_id);
  read_identity(part, "server", session.server);
  read_identity(part, "process", session.process);
  in.adopt("session", part);
  value = std::move(session);
}

void read_limits(Fields& in, Limits& limits) {
  const Json* json = in.find("limits");
  if (json == nullptr) return;
  if (auto read = limits_from_json(*json)) {
    limits = *read;
  } else {
    in.blame(read.error().message);
  }
}

void read_files(Fields& in, std::vector<std::string>& files) {
  const Json* json = in.find("tracked_files");
  if (json == nullptr) return;
  if (!json->is_array()) return in.blame("'tracked_files' is not a list");
  for (const Json& file : *json) {
    if (!file.is_string()) return in.blame("'tracked_files' holds something that is not text");
    files.push_back(file.get<std::string>());
  }
}

void read_findings(Fields& in, std::vector<Finding>& findings) {
  const Json* json = in.find("findings");
  if (json == nullptr) return;
  if (!json->is_array()) return in.blame("'findings' is not a list");
  for (const Json& entry : *json) {
    Fields part(entry, "finding");
    Finding finding;
    part.optional("time", finding.time);
    part.optional("kind", finding.kind);
    part.optional("severity", finding.severity);
    part.optional("message", finding.message);
    in.adopt("findings", part);
    findings.push_back(std::move(finding));
  }
}

/// An object that is to be kept as it was read.
Json object_or_empty(const Json& json) { return json.is_object() ? json : Json::object(); }

/// What is not set leaves no member behind.
void set_or_erase(Json& json, const char* name, std::optional<Json> value) {
  if (value) {
    json[name] = *std::move(value);
  } else {
    json.erase(name);
  }
}

std::optional<Json> time_json(const std::optional<base::WallTime>& time) {
  if (!time) return std::nullopt;
  return base::to_iso8601(*time);
}

template <class T>
std::optional<Json> part_json(const std::optional<T>& part) {
  if (!part) return std::nullopt;
  return to_json(*part);
}

Json findings_json(const std::vector<Finding>& findings) {
  Json list = Json::array();
  for (const Finding& finding : findings) {
    list.push_back(Json{{"time", base::to_iso8601(finding.time)},
                        {"kind", finding.kind},
                        {"severity", finding.severity},
                        {"message", finding.message}});
  }
  return list;
}

}  // namespace

Json to_json(const base::ProcessIdentity& identity) {
  return Json{{"machine", identity.machine},
              {"boot", identity.boot},
              {"pid_namespace", identity.pid_namespace},
              {"pid", identity.pid},
              {"start_ticks", identity.start_ticks}};
}

Json to_json(const SessionIdentity& session) {
  Json json{{"host", session.host}, {"name", session.name}, {"session_id", session.session_id}};
  set_or_erase(json, "server", part_json(session.server));
  set_or_erase(json, "process", part_json(session.process));
  return json;
}

Json to_json(const Limits& limits) {
  return Json{{"max_concurrent", limits.max_concurrent},
              {"max_agents", limits.max_agents},
              {"max_depth", limits.max_depth}};
}

Json to_json(const Agent& agent) {
  Json json = object_or_empty(agent.source);
  json["status"] = to_string(agent.status);
  json["task_id"] = agent.task_id;
  json["type"] = agent.type;
  json["id"] = agent.id;
  json["parent"] = agent.parent;
  json["depth"] = agent.depth;
  json["progress"] = agent.progress;
  json["message"] = agent.message;
  json["reason"] = agent.reason;
  json["prompt"] = agent.prompt;
  json["tracked_files"] = agent.tracked_files;
  json["findings"] = findings_json(agent.findings);
  json["created_at"] = base::to_iso8601(agent.created_at);
  json["updated_at"] = base::to_iso8601(agent.updated_at);
  set_or_erase(json, "started_at", time_json(agent.started_at));
  set_or_erase(json, "ended_at", time_json(agent.ended_at));
  set_or_erase(json, "deadline", time_json(agent.deadline));
  json["attempt"] = agent.attempt;
  json["version"] = agent.version;
  set_or_erase(json, "owner", part_json(agent.owner));
  set_or_erase(json, "session", part_json(agent.session));
  return json;
}

Json to_json(const Task& task) {
  Json json = object_or_empty(task.source);
  json["status"] = task.status;
  json["id"] = task.id;
  json["description"] = task.description;
  json["priority"] = task.priority;
  json["created_at"] = base::to_iso8601(task.created_at);
  json["updated_at"] = base::to_iso8601(task.updated_at);
  Json& limits = json["limits"];
  limits = object_or_empty(limits);
  limits.update(to_json(task.limits));
  json["guidance"] = task.guidance;
  return json;
}

base::Result<Agent> agent_from_json(const Json& json) {
  Fields in(json, "agent record");
  Agent agent;
  std::string status;
  in.required("id", agent.id);
  in.required("task_id", agent.task_id);
  in.required("type", agent.type);
  in.required("status", status);
  in.optional("parent", agent.parent);
  in.optional("depth", agent.depth);
  in.optional("progress", agent.progress);
  in.optional("message", agent.message);
  in.optional("reason", agent.reason);
  in.optional("prompt", agent.prompt);
  read_files(in, agent.tracked_files);
  read_findings(in, agent.findings);
  in.optional("created_at", agent.created_at);
  in.optional("updated_at", agent.updated_at);
  in.optional("started_at", agent.started_at);
  in.optional("ended_at", agent.ended_at);
  in.optional("deadline", agent.deadline);
  in.optional("attempt", agent.attempt);
  in.optional("version", agent.version);
  read_identity(in, "owner", agent.owner);
  read_session(in, agent.session);
  if (auto parsed = parse_agent_status(status)) {
    agent.status = *parsed;
  } else {
    in.blame("'status': " + parsed.error().message);
  }
  if (auto checked = in.status(); !checked) return std::unexpected(std::move(checked.error()));
  agent.source = json;
  return agent;
}

base::Result<Limits> limits_from_json(const Json& json) {
  Limits limits;
  if (json.is_null()) return limits;
  Fields in(json, "limits");
  in.optional("max_concurrent", limits.max_concurrent);
  in.optional("max_agents", limits.max_agents);
  in.optional("max_depth", limits.max_depth);
  if (auto checked = in.status(); !checked) return std::unexpected(std::move(checked.error()));
  return limits;
}

base::Result<Task> task_from_json(const Json& json) {
  Fields in(json, "task record");
  Task task;
  in.required("id", task.id);
  in.optional("description", task.description);
  in.optional("priority", task.priority);
  in.optional("status", task.status);
  in.optional("created_at", task.created_at);
  in.optional("updated_at", task.updated_at);
  read_limits(in, task.limits);
  if (const Json* guidance = in.find("guidance")) {
    if (!guidance->is_object()) in.blame("'guidance' is not an object");
    task.guidance = *guidance;
  }
  if (auto checked = in.status(); !checked) return std::unexpected(std::move(checked.error()));
  task.source = json;
  return task;
}

}  // namespace orc
