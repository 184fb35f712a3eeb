#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "harness/history/client_history.h"
#include "harness/history/edn.h"
#include "orchestrator/base/file_io.h"

namespace stress {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

std::unexpected<base::Error> at_line(const fs::path& file, std::size_t line,
                                     const std::string& sentence) {
  return base::fail(base::Errc::kInvalid, "{}:{}: {}", file.string(), line, sentence);
}

base::Result<ClientHistory> read_jsonl(std::string_view text, const fs::path& file) {
  ClientHistoryBuilder builder("line");
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t newline = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, newline);
    text.remove_prefix(std::min(newline + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const Json event = Json::parse(line, nullptr, false);
    if (event.is_discarded()) return at_line(file, number, "the line is not JSON");
    if (const auto added = builder.add(event, number); !added) {
      return at_line(file, number, added.error().message);
    }
  }
  return builder.finish();
}

base::Result<ClientHistory> read_edn(std::string_view text, const fs::path& file) {
  ClientHistoryBuilder builder("event");
  EdnReader reader(text);
  const auto wrong = [&](const base::Error& error) {
    return at_line(file, reader.line(), error.message);
  };
  const auto entered = reader.enter();
  if (!entered) return wrong(entered.error());
  for (std::uint64_t number = 1;; ++number) {
    const auto more = reader.more();
    if (!more) return wrong(more.error());
    if (*entered && reader.leave()) break;
    if (!*more) {
      if (*entered) return wrong({.message = "the text ends within a form"});
      break;
    }
    const std::size_t line = reader.line();
    const auto event = reader.next();
    if (!event) return wrong(event.error());
    if (const auto added = builder.add(*event, number); !added) {
      return at_line(file, line, added.error().message);
    }
  }
  return builder.finish();
}

/// By outcome, as Jepsen calls them.
constexpr std::string_view kTypes[] = {"ok", "fail", "info"};

/// One line of a history that is written.
struct Event {
  std::uint64_t at;
  const ClientOperation* op;
  std::string_view type;
};

std::vector<Event> events_of(const ClientHistory& history) {
  std::vector<Event> events;
  for (const ClientOperation& op : history.operations) {
    events.push_back({op.invoked, &op, "invoke"});
    const std::string_view type = kTypes[static_cast<std::size_t>(op.outcome)];
    if (op.completed) events.push_back({*op.completed, &op, type});
  }
  std::ranges::stable_sort(events, {}, &Event::at);
  return events;
}

Json value_of(const ClientHistory& history, const Event& event) {
  const ClientOperation& op = *event.op;
  const auto json = [&](ValueTable::Id id) { return Json::parse(history.values.json(id)); };
  if (op.observes() && event.type != "ok") return {};
  if (op.function != ClientFunction::kCas) return json(op.value);
  return Json::array({json(op.expected), json(op.value)});
}

/// With the last event of an operation.
bool has_commit(const Event& event) {
  return event.op->committed && (event.type != "invoke" || !event.op->completed);
}

std::string jsonl_line(const ClientHistory& history, const Event& event) {
  const ClientOperation& op = *event.op;
  Json line{{"process", op.process}, {"type", event.type}, {"f", to_string(op.function)}};
  if (op.key != ValueTable::kNil) line["key"] = Json::parse(history.values.json(op.key));
  line["value"] = value_of(history, event);
  const auto& time = event.type == "invoke" ? op.invoked_at : op.completed_at;
  if (time) line["time"] = *time;
  if (has_commit(event)) line["committed"] = *op.committed;
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string edn_line(const ClientHistory& history, const Event& event, std::size_t index) {
  const ClientOperation& op = *event.op;
  std::string line = fmt::format("{{:index {}, :type :{}, :process {}, :f :{}", index, event.type,
                                 op.process, to_string(op.function));
  Json value = value_of(history, event);
  if (op.key != ValueTable::kNil) {
    // As jepsen.independent has it, so that its checkers find their way.
    value = Json::array({Json::parse(history.values.json(op.key)), std::move(value)});
  }
  line += ", :value " + to_edn(value);
  const auto& time = event.type == "invoke" ? op.invoked_at : op.completed_at;
  if (time) line += fmt::format(", :time {}", *time);
  if (has_commit(event)) line += fmt::format(", :committed {}", *op.committed);
  return line + "}";
}

}  // namespace

base::Result<ClientHistory> load_client_history(const fs::path& file) {
  const auto content = base::read_file(file);
  if (!content) return std::unexpected(content.error());
  return file.extension() == ".edn" ? read_edn(*content, file) : read_jsonl(*content, file);
}

base::Status store_client_history(const ClientHistory& history, const fs::path& file) {
  std::string text;
  std::size_t index = 0;
  for (const Event& event : events_of(history)) {
    text +=
        file.extension() == ".edn" ? edn_line(history, event, index++) : jsonl_line(history, event);
    text += '\n';
  }
  return base::replace_file(file, text, 0644);
}

base::Result<HistoryKind> kind_of_history(const fs::path& file) {
  if (file.extension() == ".edn") return HistoryKind::kClients;
  const auto content = base::read_file(file);
  if (!content) return std::unexpected(content.error());
  const std::string_view text = *content;
  const Json first = Json::parse(text.substr(0, text.find('\n')), nullptr, false);
  const bool clients = first.is_object() && !first.contains("event") &&
                       (first.contains("process") || first.contains("f"));
  return clients ? HistoryKind::kClients : HistoryKind::kRun;
}

}  // namespace stress
