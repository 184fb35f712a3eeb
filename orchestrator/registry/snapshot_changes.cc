// Changes to a snapshot, and its text as the next generation.
#include <algorithm>
#include <utility>

#include "orchestrator/registry/counts.h"
#include "orchestrator/registry/snapshot.h"

namespace orc {
namespace {

constexpr std::size_t kIdBytesMax = 256;
constexpr std::size_t kHeadBytes = 4096;

/// An id stands in the file as it is, unescaped.
base::Status check_id(std::string_view what, std::string_view id) {
  if (auto text = base::Status(check_text(what, id, kIdBytesMax)); !text) return text;
  const bool plain = std::ranges::none_of(id, [](char character) {
    return static_cast<unsigned char>(character) < 0x20 || character == '"' || character == '\\';
  });
  if (plain && !id.empty()) return {};
  return base::fail(base::Errc::kInvalid, "{} is empty or has a character that no id may have",
                    what);
}

/// Errors: kInvalid, for text that is not UTF-8 wherever it stands in the record.
template <class Record>
base::Result<std::string> encode_record(const Record& record) {
  try {
    return record_line(record.id, to_json(record));
  } catch (const Json::type_error& error) {
    return base::fail(base::Errc::kInvalid, "record {}: {}", record.id, error.what());
  }
}

std::unexpected<base::Error> immutable(std::string_view id, std::string_view member) {
  return base::fail(base::Errc::kInvalid, "record {}: its {} never changes", id, member);
}

/// What replaces a record keeps its unknown members and is newer than it.
template <class Record>
base::Status succeed(Record& next, const Record& stored, base::WallTime now) {
  if (next.created_at != stored.created_at) return immutable(next.id, "created_at");
  if (next.source.empty()) next.source = stored.source;
  if (next.updated_at == stored.updated_at) next.updated_at = now;
  return {};
}

template <class Record>
void begin(Record& record, base::WallTime now) {
  if (record.created_at == base::WallTime{}) record.created_at = now;
  if (record.updated_at == base::WallTime{}) record.updated_at = now;
}

}  // namespace

base::Status Snapshot::put(Agent agent, base::WallTime now) {
  if (auto checked = check_id("the agent's id", agent.id); !checked) return checked;
  const std::size_t place = agent_place(agent.id);
  if (place == IdTable::kNone) {
    agent.version = 1;
    begin(agent, now);
  } else {
    auto stored = this->agent(agent.id);
    if (!stored) return std::unexpected(std::move(stored.error()));
    if (agent.task_id != stored->task_id) return immutable(agent.id, "task_id");
    if (agent.type != stored->type) return immutable(agent.id, "type");
    if (auto fits = succeed(agent, *stored, now); !fits) return fits;
    agent.version = stored->version + 1;
  }
  auto line = encode_record(agent);
  if (!line) return std::unexpected(std::move(line.error()));
  const std::string_view kept = keep(*std::move(line));
  auto entry = agent_entry(kept);
  if (!entry) return std::unexpected(std::move(entry.error()));
  if (place == IdTable::kNone) {
    agent_places_.add(entry->id, agents_.size());
    agents_.push_back(*entry);
    agent_lines_.push_back(kept);
  } else {
    agents_[place] = *entry;
    agent_lines_[place] = kept;
  }
  changed_ = true;
  return {};
}

base::Status Snapshot::put(Task task, base::WallTime now) {
  if (auto checked = check_id("the task's id", task.id); !checked) return checked;
  static_cast<void>(tasks());  // parsed now, while the lines are still those that were read
  const std::size_t place = task_place(task.id);
  if (place == IdTable::kNone) {
    begin(task, now);
  } else if (auto fits = succeed(task, tasks_[place], now); !fits) {
    return fits;
  }
  auto line = encode_record(task);
  if (!line) return std::unexpected(std::move(line.error()));
  const std::string_view kept = keep(*std::move(line));
  auto entry = task_entry(kept);
  if (!entry) return std::unexpected(std::move(entry.error()));
  if (place == IdTable::kNone) {
    task_places_.add(entry->id, task_entries_.size());
    task_entries_.push_back(*entry);
    task_lines_.push_back(kept);
    tasks_.push_back(std::move(task));
  } else {
    task_entries_[place] = *entry;
    task_lines_[place] = kept;
    tasks_[place] = std::move(task);
  }
  changed_ = true;
  return {};
}

void Snapshot::set_limits(const Limits& limits) {
  if (limits == limits_) return;
  limits_ = limits;
  limits_changed_ = true;
  changed_ = true;
}

bool Snapshot::counts_wrong() const {
  return counts() != stored_counts() || counts_by_task() != stored_counts_by_task();
}

Json Snapshot::head_for(std::uint64_t generation, std::optional<std::uint64_t> restored_from,
                        base::WallTime now) const {
  Json head = document_.head();
  head["generation"] = generation;
  head["restored_from"] = restored_from ? Json(*restored_from) : Json();
  head["updated_at"] = base::to_iso8601(now);
  head["counts"] = counts_json(counts());
  if (limits_changed_) {
    Json& limits = head["limits"];
    if (!limits.is_object()) limits = Json::object();
    limits.update(to_json(limits_));
  }
  return head;
}

std::string Snapshot::encode(std::uint64_t generation, std::optional<std::uint64_t> restored_from,
                             base::WallTime now) const {
  const std::vector<Counts> counts = counts_per_task();
  std::deque<std::string> rewritten;
  std::vector<std::string_view> task_lines = task_lines_;
  for (std::size_t place = 0; place < task_lines.size(); ++place) {
    const Json wanted = task_counts_json(counts[place]);
    // The usual place is the end; whatever does not look like that is parsed.
    if (task_lines[place].ends_with(fmt::format(",\"counts\":{}}}", wanted.dump()))) continue;
    Json task = Json::parse(line_json(task_lines[place]), nullptr, false);
    if (!task.is_object()) continue;
    task["counts"] = wanted;
    task_lines[place] = rewritten.emplace_back(record_line(task_entries_[place].id, task));
  }
  std::size_t size = document_.text().size() + kHeadBytes;
  for (const std::string& text : kept_) size += text.size();
  for (const std::string& text : rewritten) size += text.size();
  return encode_document(head_for(generation, restored_from, now), task_lines, agent_lines_, size);
}

}  // namespace orc
