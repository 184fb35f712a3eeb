#include "orchestrator/registry/snapshot.h"

#include <utility>

#include "orchestrator/registry/counts.h"

namespace orc {
namespace {

constexpr std::string_view kActiveTask = "active";

/// What a missing member is compared with.
const Json& member_or_null(const Json& json, const char* name) {
  static const Json kNull;
  const auto member = json.find(name);
  return member == json.end() ? kNull : *member;
}

/// Takes `"name":"value"` with its separator off the front of a record's text.
bool take_text(std::string_view& rest, std::string_view prefix, std::string_view& value) {
  if (!rest.starts_with(prefix)) return false;
  rest.remove_prefix(prefix.size());
  const std::size_t end = rest.find('"');
  if (end == std::string_view::npos) return false;
  value = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return value.find('\\') == std::string_view::npos;
}

base::Result<Json> parse_line(std::string_view line, std::string_view kind) {
  Json json = Json::parse(line_json(line), nullptr, false);
  if (!json.is_object()) {
    return base::fail(base::Errc::kDamaged, "{} {}: not a JSON object", kind, line_id(line));
  }
  // The key is the id; records made by hand may not repeat it.
  if (!json.contains("id")) json["id"] = line_id(line);
  if (member_or_null(json, "id") != Json(line_id(line))) {
    return base::fail(base::Errc::kDamaged, "{} {}: its member 'id' says otherwise", kind,
                      line_id(line));
  }
  return json;
}

std::unexpected<base::Error> named(base::Error error, std::string_view kind, std::string_view id) {
  return base::fail_from(std::move(error), fmt::format("{} {}", kind, id));
}

}  // namespace

base::Result<std::unique_ptr<Snapshot>> Snapshot::parse(std::string& text) {
  std::unique_ptr<Snapshot> snapshot(new Snapshot);
  if (auto parsed = snapshot->document_.parse(text); !parsed) {
    return std::unexpected(std::move(parsed.error()));
  }
  if (auto indexed = snapshot->index(); !indexed) {
    text = snapshot->document_.text();
    return std::unexpected(std::move(indexed.error()));
  }
  return snapshot;
}

std::unique_ptr<Snapshot> Snapshot::empty(const Limits& limits, base::WallTime now) {
  const Json head{{"format", kDocumentFormat},
                  {"generation", std::uint64_t{0}},
                  {"restored_from", nullptr},
                  {"created_at", base::to_iso8601(now)},
                  {"updated_at", base::to_iso8601(now)},
                  {"limits", to_json(limits)},
                  {"counts", counts_json({})},
                  {"tasks", Json::object()},
                  {"agents", Json::object()}};
  std::string text = encode_document(head, {}, {}, 0);
  return parse(text).value();
}

base::Status Snapshot::index() {
  limits_ = limits_from_json(member_or_null(document_.head(), "limits")).value_or(Limits{});
  task_lines_ = document_.task_lines();
  task_entries_.reserve(task_lines_.size());
  task_places_.reserve(task_lines_.size());
  for (const std::string_view line : task_lines_) {
    auto entry = task_entry(line);
    if (!entry) return std::unexpected(std::move(entry.error()));
    task_places_.add(entry->id, task_entries_.size());
    task_entries_.push_back(*entry);
  }
  agent_lines_ = document_.agent_lines();
  agents_.reserve(agent_lines_.size());
  agent_places_.reserve(agent_lines_.size());
  for (const std::string_view line : agent_lines_) {
    auto entry = agent_entry(line);
    if (!entry) return std::unexpected(std::move(entry.error()));
    agent_places_.add(entry->id, agents_.size());
    agents_.push_back(*entry);
  }
  return {};
}

base::Result<AgentEntry> Snapshot::agent_entry(std::string_view line) {
  AgentEntry entry{.id = line_id(line), .task_id = {}, .type = {}, .status = {}};
  std::string_view rest = line_json(line);
  std::string_view status;
  if (take_text(rest, "{\"status\":\"", status) &&
      take_text(rest, ",\"task_id\":\"", entry.task_id) &&
      take_text(rest, ",\"type\":\"", entry.type)) {
    if (const auto parsed = parse_agent_status(status)) {
      entry.status = *parsed;
      return entry;
    }
  }
  // Another order of members, or text that is escaped.
  auto json = parse_line(line, "agent");
  if (!json) return std::unexpected(std::move(json.error()));
  auto agent = agent_from_json(*json);
  if (!agent) return named(std::move(agent.error()), "agent", entry.id);
  entry.task_id = keep(std::move(agent->task_id));
  entry.type = keep(std::move(agent->type));
  entry.status = agent->status;
  return entry;
}

base::Result<Snapshot::TaskEntry> Snapshot::task_entry(std::string_view line) {
  TaskEntry entry{.id = line_id(line)};
  std::string_view rest = line_json(line);
  std::string_view status;
  if (take_text(rest, "{\"status\":\"", status)) {
    entry.active = status == kActiveTask;
    return entry;
  }
  auto json = parse_line(line, "task");
  if (!json) return std::unexpected(std::move(json.error()));
  auto task = task_from_json(*json);
  if (!task) return named(std::move(task.error()), "task", entry.id);
  entry.active = task->status == kActiveTask;
  return entry;
}

std::string_view Snapshot::keep(std::string text) { return kept_.emplace_back(std::move(text)); }

std::size_t Snapshot::agent_place(std::string_view id) const {
  return agent_places_.find(id, [this](std::size_t place) { return agents_[place].id; });
}

std::size_t Snapshot::task_place(std::string_view id) const {
  return task_places_.find(id, [this](std::size_t place) { return task_entries_[place].id; });
}

std::uint64_t Snapshot::generation() const {
  return member_or_null(document_.head(), "generation").get<std::uint64_t>();
}

std::optional<std::uint64_t> Snapshot::restored_from() const {
  const Json& member = member_or_null(document_.head(), "restored_from");
  if (!member.is_number_unsigned()) return std::nullopt;
  return member.get<std::uint64_t>();
}

const AgentEntry* Snapshot::find(std::string_view agent_id) const {
  const std::size_t place = agent_place(agent_id);
  return place == IdTable::kNone ? nullptr : &agents_[place];
}

base::Result<Agent> Snapshot::agent(std::string_view agent_id) const {
  const std::size_t place = agent_place(agent_id);
  if (place == IdTable::kNone) {
    return base::fail(base::Errc::kNotFound, "no agent '{}'", agent_id);
  }
  auto json = parse_line(agent_lines_[place], "agent");
  if (!json) return std::unexpected(std::move(json.error()));
  auto agent = agent_from_json(*json);
  if (!agent) return named(std::move(agent.error()), "agent", agent_id);
  return agent;
}

base::Result<Task> Snapshot::read_task(std::size_t place) const {
  auto json = parse_line(task_lines_[place], "task");
  if (!json) return std::unexpected(std::move(json.error()));
  auto task = task_from_json(*json);
  if (!task) return named(std::move(task.error()), "task", task_entries_[place].id);
  return task;
}

const std::vector<Task>& Snapshot::tasks() const {
  std::call_once(tasks_once_, [this] {
    tasks_.reserve(task_lines_.size());
    for (std::size_t place = 0; place < task_lines_.size(); ++place) {
      auto task = read_task(place);
      if (!task) {
        // Its checksum holds, so it was written like this. It must not be hidden.
        task = Task{.id = std::string(task_entries_[place].id),
                    .description = task.error().message,
                    .status = std::string(kUnreadableTask)};
      }
      tasks_.push_back(*std::move(task));
    }
  });
  return tasks_;
}

const Task* Snapshot::task(std::string_view task_id) const {
  const std::size_t place = task_place(task_id);
  return place == IdTable::kNone ? nullptr : &tasks()[place];
}

Counts Snapshot::counts() const {
  Counts counts;
  for (const AgentEntry& agent : agents_) count_agent(counts, agent.status);
  for (const TaskEntry& task : task_entries_) {
    ++counts.tasks_total;
    if (task.active) ++counts.tasks_active;
  }
  return counts;
}

Counts Snapshot::stored_counts() const {
  return counts_from_json(member_or_null(document_.head(), "counts"));
}

std::vector<Counts> Snapshot::counts_per_task() const {
  std::vector<Counts> counts(task_entries_.size());
  std::string_view last_id;
  std::size_t last_place = IdTable::kNone;
  for (const AgentEntry& agent : agents_) {
    // Neighbours mostly belong to the same task.
    if (agent.task_id != last_id || last_id.empty()) {
      last_id = agent.task_id;
      last_place = task_place(last_id);
    }
    if (last_place != IdTable::kNone) count_agent(counts[last_place], agent.status);
  }
  return counts;
}

std::map<std::string, Counts> Snapshot::counts_by_task() const {
  const std::vector<Counts> counts = counts_per_task();
  std::map<std::string, Counts> by_task;
  for (std::size_t place = 0; place < counts.size(); ++place) {
    by_task.emplace(task_entries_[place].id, counts[place]);
  }
  return by_task;
}

std::map<std::string, Counts> Snapshot::stored_counts_by_task() const {
  const std::vector<Counts> counted = counts_per_task();
  std::map<std::string, Counts> by_task;
  for (std::size_t place = 0; place < task_lines_.size(); ++place) {
    const Task& task = tasks()[place];
    // An illegible task has its counts like any other: encode() writes them.
    Json illegible;
    const bool legible = task.status != kUnreadableTask;
    if (!legible) illegible = Json::parse(line_json(task_lines_[place]), nullptr, false);
    const Json& source = legible ? task.source : illegible;
    by_task.emplace(
        task_entries_[place].id,
        source.is_object() ? counts_from_json(member_or_null(source, "counts")) : counted[place]);
  }
  return by_task;
}

Json Snapshot::document() const {
  if (!changed_) return Json::parse(document_.text(), nullptr, false);
  return Json::parse(encode(generation(), restored_from(), base::wall_now()), nullptr, false);
}

}  // namespace orc
