#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "harness/history/client_history.h"
#include "harness/history/edn.h"
#include "harness/history/event_json.h"
#include "orchestrator/base/file_io.h"

namespace stress {
namespace {

using Json = nlohmann::ordered_json;

/// A client is a process until its outcome is unknown; then it goes on as another one.
class Processes {
 public:
  std::size_t of(const Operation& op) {
    return processes_.try_emplace(op.client, next_).second ? next_++ : processes_.at(op.client);
  }
  void crashed(const Operation& op) { processes_.erase(op.client); }

 private:
  std::unordered_map<std::string_view, std::size_t> processes_;
  std::size_t next_ = 0;
};

std::string function_of(const Operation& op) {
  if (op.kind == OpKind::kSpawn) return "add";
  if (op.kind == OpKind::kList) return "read";
  return std::string(wire::EnumNames<OpKind>::kNames[static_cast<std::size_t>(op.kind)]);
}

std::string value_of(const Operation& op) {
  const bool ok = op.outcome == OpOutcome::kOk && op.completed;
  if (op.kind == OpKind::kList) {
    if (!ok) return "nil";
    std::set<std::string> items;
    for (const std::string& id : op.seen) items.insert(to_edn(id));
    return fmt::format("#{{{}}}", fmt::join(items, " "));
  }
  // What was added by whoever got no answer has no name.
  if (op.kind == OpKind::kSpawn && !ok) return to_edn(fmt::format("operation {}", op.id));
  return to_edn(op.agent.empty() ? Json() : Json(op.agent));
}

}  // namespace

base::Status store_as_jepsen(const Evidence& evidence, const std::filesystem::path& file) {
  struct Event {
    Nanoseconds at;
    const Operation* op;
    std::string_view type;
  };
  std::vector<Event> events;
  for (const Operation& op : evidence.operations) {
    events.push_back({op.invoked, &op, "invoke"});
    if (!op.completed) continue;
    const bool refused = op.outcome == OpOutcome::kRefused;
    const std::string_view type = op.outcome == OpOutcome::kOk ? "ok" : (refused ? "fail" : "info");
    events.push_back({*op.completed, &op, type});
  }
  std::ranges::stable_sort(events, {}, &Event::at);
  Processes processes;
  std::string text;
  std::size_t index = 0;
  for (const Event& event : events) {
    const Operation& op = *event.op;
    const bool shows = event.type == "ok" || op.kind != OpKind::kList;
    text += fmt::format("{{:index {}, :type :{}, :process {}, :f :{}, :value {}, :time {}}}\n",
                        index++, event.type, processes.of(op), function_of(op),
                        shows ? value_of(op) : "nil", event.at);
    if (event.type == "info") processes.crashed(op);
  }
  return base::replace_file(file, text, 0644);
}

}  // namespace stress
