#include "harness/target/observation.h"

#include <algorithm>
#include <cerrno>
#include <concepts>
#include <cstdint>
#include <exception>
#include <set>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <xxhash.h>

#include "harness/target/faithful_json.h"
#include "orchestrator/base/file_io.h"

namespace stress {
namespace {

using Json = nlohmann::ordered_json;
using Pointer = Json::json_pointer;

/// Thrown and caught in this file alone: the registry is not what its map says.
struct Unfit : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class... Args>
[[noreturn]] void unfit(fmt::format_string<Args...> text, Args&&... args) {
  throw Unfit("schema: " + fmt::format(text, std::forward<Args>(args)...));
}

/// nullptr: no pointer, nothing there, or null.
const Json* find(const Json& within, const std::string& pointer) {
  if (pointer.empty()) return nullptr;
  const Pointer place(pointer);
  if (!within.contains(place)) return nullptr;
  const Json& value = within.at(place);
  return value.is_null() ? nullptr : &value;
}

/// Ids and times are text in most registries and numbers in some.
std::string text_of(const Json& record, const std::string& pointer, std::string_view whose) {
  const Json* value = find(record, pointer);
  if (value == nullptr) return {};
  if (value->is_string()) return value->get<std::string>();
  if (value->is_number()) return value->dump();
  unfit("{}: {} is no text", whose, pointer);
}

template <std::integral Number>
std::optional<Number> number_of(const Json& record, const std::string& pointer,
                                std::string_view whose) {
  const Json* value = find(record, pointer);
  if (value == nullptr) return std::nullopt;
  if (value->is_number_unsigned()) {
    const auto number = value->get<std::uint64_t>();
    if (std::in_range<Number>(number)) return static_cast<Number>(number);
  } else if (value->is_number_integer()) {
    const auto number = value->get<std::int64_t>();
    if (std::in_range<Number>(number)) return static_cast<Number>(number);
  }
  unfit("{}: {} is no fitting whole number", whose, pointer);
}

std::string register_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

ObservedAgent read_agent(const ObservationMap& map, const Json& record, const std::string* key) {
  const std::string name = key != nullptr ? fmt::format("agent '{}'", *key) : "an agent";
  if (!record.is_object()) unfit("{} is no object", name);
  ObservedAgent agent;
  agent.id = text_of(record, map.id, name);
  if (key != nullptr) {
    if (!agent.id.empty() && agent.id != *key) unfit("{} calls itself '{}'", name, agent.id);
    agent.id = *key;
  }
  if (agent.id.empty()) unfit("{} has no id at {}", name, map.id);
  const std::string whose = fmt::format("agent '{}'", agent.id);
  const Json* status = find(record, map.status);
  if (status == nullptr || !status->is_string()) unfit("{} has no status at {}", whose, map.status);
  agent.status = status->get<std::string>();
  agent.type = text_of(record, map.type, whose);
  agent.task = text_of(record, map.task, whose);
  agent.parent = text_of(record, map.parent, whose);
  agent.session = text_of(record, map.session, whose);
  agent.created = text_of(record, map.created, whose);
  agent.depth = number_of<int>(record, map.depth, whose);
  agent.version = number_of<std::uint64_t>(record, map.version, whose);
  agent.pid = number_of<std::int64_t>(record, map.pid, whose);
  for (const auto& [field, pointer] : map.fields) {
    const Json* value = find(record, pointer);
    if (value != nullptr) agent.fields[field] = register_text(*value);
  }
  return agent;
}

void read_agents(const ObservationMap& map, const Json& document, Observation& seen) {
  const Json* agents = map.agents.empty() ? &document : find(document, map.agents);
  if (agents == nullptr) unfit("no agents at {}", map.agents);
  if (agents->is_object()) {
    for (const auto& [key, record] : agents->get_ref<const Json::object_t&>()) {
      seen.agents.push_back(read_agent(map, record, &key));
    }
  } else if (agents->is_array()) {
    for (const Json& record : *agents) seen.agents.push_back(read_agent(map, record, nullptr));
  } else {
    unfit("{} is neither an object nor an array", map.agents);
  }
  std::set<std::string_view> met;
  std::set<std::string_view> twice;
  for (const auto& agent : seen.agents) {
    if (!met.insert(agent.id).second) twice.insert(agent.id);
  }
  seen.duplicate_ids.assign(twice.begin(), twice.end());
}

void read_counts(const ObservationMap& map, const Json& document, Observation& seen) {
  const auto counts_of = [](const Json& within, std::string_view whose, const std::string& total,
                            const std::string& active, const std::string& completed) {
    return StoredCounts{number_of<std::int64_t>(within, total, whose),
                        number_of<std::int64_t>(within, active, whose),
                        number_of<std::int64_t>(within, completed, whose)};
  };
  seen.counts =
      counts_of(document, "the registry", map.count_total, map.count_active, map.count_completed);
  if (map.task_count_total.empty() && map.task_count_active.empty() &&
      map.task_count_completed.empty()) {
    return;
  }
  const Json* tasks = find(document, map.tasks);
  if (tasks == nullptr) return;
  if (!tasks->is_object()) unfit("{} is no object", map.tasks);
  for (const auto& [id, task] : tasks->get_ref<const Json::object_t&>()) {
    seen.counts_by_task[id] = counts_of(task, fmt::format("task '{}'", id), map.task_count_total,
                                        map.task_count_active, map.task_count_completed);
  }
}

/// Takes the checksum out of the document on the way.
void verify_checksum(const ObservationMap& map, Json& document) {
  if (map.checksum.empty()) return;
  const Json* member = find(document, map.checksum);
  if (member == nullptr || !member->is_string()) unfit("no checksum at {}", map.checksum);
  const std::string stored = member->get<std::string>();
  const Pointer place(map.checksum);
  document.at(place.parent_pointer()).erase(place.back());
  const std::string dump = document.dump();
  const std::string computed = fmt::format("{:016x}", XXH3_64bits(dump.data(), dump.size()));
  if (computed != stored) {
    throw Unfit(fmt::format("checksum: the file says {}, its content {}", stored, computed));
  }
}

/// Bytes of a damaged file as they can stand in a report.
std::string printable(std::string_view bytes) {
  std::string text;
  for (const char character : bytes) {
    const auto byte = static_cast<unsigned char>(character);
    text +=
        byte >= 0x20 && byte < 0x7f ? std::string(1, character) : fmt::format("\\x{:02x}", byte);
  }
  return text;
}

std::string_view around(std::string_view bytes, std::size_t position) {
  constexpr std::size_t kSide = 120;
  const std::size_t place = std::min(position, bytes.size());
  return bytes.substr(place - std::min(place, kSide), 2 * kSide);
}

Observation interpret_anew(const ObservationMap& map, std::string bytes) {
  Observation seen;
  try {
    FaithfulJson json = parse_faithfully(bytes);
    if (json.ok) {
      verify_checksum(map, json.document);
      seen.generation = number_of<std::uint64_t>(json.document, map.generation, "the registry");
      read_agents(map, json.document, seen);
      read_counts(map, json.document, seen);
      seen.readable = true;
    } else {
      seen.error = bytes.empty() ? "the file is empty"
                                 : fmt::format("no whole JSON, at byte {} of {}: {}", json.position,
                                               bytes.size(), printable(json.error));
      seen.excerpt = printable(around(bytes, json.position));
    }
  } catch (const std::exception& error) {
    seen = Observation{.error = error.what()};
  }
  seen.bytes = std::move(bytes);
  return seen;
}

}  // namespace

base::Status check_pointers(const ObservationMap& map) {
  const std::map<std::string, std::string> all{
      {"agents", map.agents},
      {"tasks", map.tasks},
      {"id", map.id},
      {"status", map.status},
      {"type", map.type},
      {"task", map.task},
      {"parent", map.parent},
      {"depth", map.depth},
      {"session", map.session},
      {"version", map.version},
      {"pid", map.pid},
      {"created", map.created},
      {"generation", map.generation},
      {"count_total", map.count_total},
      {"count_active", map.count_active},
      {"count_completed", map.count_completed},
      {"task_count_total", map.task_count_total},
      {"task_count_active", map.task_count_active},
      {"task_count_completed", map.task_count_completed},
      {"checksum", map.checksum},
  };
  const auto check = [](const auto& pointers) -> base::Status {
    for (const auto& [field, pointer] : pointers) {
      try {
        const Pointer parsed(pointer);
      } catch (const std::exception&) {
        return base::fail(base::Errc::kInvalid, "{}: '{}' is no JSON pointer", field, pointer);
      }
    }
    return {};
  };
  if (auto good = check(all); !good) return good;
  return check(map.fields);
}

Observation unread(const base::Error& error) {
  Observation seen;
  seen.absent = error.code == base::Errc::kNotFound;
  const int cause = error.sys_errno;
  seen.not_looked = cause == EMFILE || cause == ENFILE || cause == ENOMEM;
  seen.error = error.message;
  return seen;
}

Observation Observer::observe() const {
  auto bytes = base::read_file(map_.file);
  return bytes ? interpret(*std::move(bytes)) : unread(bytes.error());
}

Observation Observer::interpret(std::string bytes) const {
  {
    const std::lock_guard lock(last_->mutex);
    if (last_->seen && last_->seen->bytes == bytes) return *last_->seen;
  }
  Observation seen = interpret_anew(map_, std::move(bytes));
  const std::lock_guard lock(last_->mutex);
  last_->seen = seen;
  return seen;
}

}  // namespace stress
