#include "harness/history/client_history.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

namespace stress {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 6> kFunctions = {"read", "write", "cas",
                                                        "get",  "put",   "append"};

bool is_register(ClientFunction function) { return function <= ClientFunction::kCas; }

const Json& member(const Json& event, const char* name) {
  static const Json nil;
  const auto found = event.find(name);
  return found == event.end() ? nil : *found;
}

std::optional<std::uint64_t> commit_of(const Json& event) {
  const Json& committed = member(event, "committed");
  if (!committed.is_number_integer() || committed.get<std::int64_t>() < 0) return std::nullopt;
  return committed.get<std::uint64_t>();
}

/// A key with the value in it that belongs to the function.
struct Parts {
  Json key;
  Json value;
};

Parts parts_of(const Json& event, ClientFunction function) {
  const Json& value = member(event, "value");
  if (event.contains("key")) return {member(event, "key"), value};
  const bool pair = value.is_array() && value.size() == 2;
  // [old, new] is no [key, value].
  if (!pair || (function == ClientFunction::kCas && !value[1].is_array())) return {Json(), value};
  return {value[0], value[1]};
}

}  // namespace

std::string_view to_string(ClientFunction function) {
  return kFunctions[static_cast<std::size_t>(function)];
}

ValueTable::ValueTable() { add("null", false); }

ValueTable::Id ValueTable::add(std::string text, bool is_string) {
  auto& numbers = is_string ? strings_ : others_;
  const auto found = numbers.find(text);
  if (found != numbers.end()) return found->second;
  const auto id = static_cast<Id>(texts_.size());
  texts_.push_back({std::move(text), is_string});
  numbers.emplace(texts_.back().text, id);
  return id;
}

ValueTable::Id ValueTable::intern(const Json& value) {
  if (value.is_null()) return kNil;
  if (value.is_string()) return intern_text(value.get<std::string>());
  return add(value.dump(-1, ' ', false, Json::error_handler_t::replace), false);
}

ValueTable::Id ValueTable::intern_text(std::string text) { return add(std::move(text), true); }

std::string_view ValueTable::text(Id id) const {
  return id == kNil ? std::string_view() : std::string_view(texts_[id].text);
}

std::string ValueTable::json(Id id) const {
  const Entry& entry = texts_[id];
  if (!entry.is_string) return entry.text;
  return Json(entry.text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

ClientHistoryBuilder::ClientHistoryBuilder(std::string place) { history_.place = std::move(place); }

std::optional<std::int64_t> ClientHistoryBuilder::time_of(const Json& event, std::uint64_t at) {
  const Json& time = member(event, "time");
  if (!time.is_number()) return std::nullopt;
  const auto now = time.get<std::int64_t>();
  if (latest_ && now < *latest_ && history_.notes.empty()) {
    history_.notes.push_back(
        fmt::format("time goes back at {} {}; the order of events is that of the file, `time` is "
                    "for people",
                    history_.place, at));
  }
  latest_ = std::max(latest_.value_or(now), now);
  return now;
}

base::Status ClientHistoryBuilder::add(const Json& event, std::uint64_t at) {
  if (!event.is_object()) {
    return base::fail(base::Errc::kInvalid, "an event is an object such as {}",
                      R"({"process":0,"type":"invoke","f":"write","key":"x","value":3})");
  }
  const Json& process = member(event, "process");
  if (process.is_string()) {
    ++history_.passed_over;
    return {};
  }
  if (!process.is_number_integer()) {
    return base::fail(base::Errc::kInvalid, "'process' must be a whole number");
  }
  const Json& type = member(event, "type");
  const std::string name = type.is_string() ? type.get<std::string>() : "";
  const auto number = process.get<std::int64_t>();
  if (name == "invoke") return invoke(event, number, at);
  if (name == "ok" || name == "fail" || name == "info") return complete(event, name, number, at);
  return base::fail(base::Errc::kInvalid, "'type' must be invoke, ok, fail or info");
}

base::Status ClientHistoryBuilder::invoke(const Json& event, std::int64_t process,
                                          std::uint64_t at) {
  const Json& f = member(event, "f");
  const auto* const found =
      std::ranges::find(kFunctions, f.is_string() ? f.get<std::string>() : "");
  if (found == kFunctions.end()) {
    return base::fail(base::Errc::kInvalid,
                      "'f' must be read, write or cas of a register, or get, put or append of a "
                      "store, and is {}",
                      f.dump());
  }
  ClientOperation op;
  op.process = process;
  op.function = static_cast<ClientFunction>(found - kFunctions.begin());
  if (!history_.operations.empty()) {
    const ClientFunction first = history_.operations.front().function;
    if (is_register(first) != is_register(op.function)) {
      return base::fail(base::Errc::kInvalid,
                        "'{}' is not of one object with '{}' of {} {}: a history is of registers "
                        "or of a store",
                        *found, to_string(first), history_.place,
                        history_.operations.front().invoked);
    }
  }
  const Parts parts = parts_of(event, op.function);
  op.key = history_.values.intern(parts.key);
  if (op.function == ClientFunction::kCas) {
    if (!parts.value.is_array() || parts.value.size() != 2) {
      return base::fail(base::Errc::kInvalid, "the value of a cas must be [old, new]");
    }
    op.expected = history_.values.intern(parts.value[0]);
    op.value = history_.values.intern(parts.value[1]);
  } else if (!op.observes()) {
    op.value = history_.values.intern(parts.value);
  }
  op.committed = commit_of(event);
  op.invoked = at;
  op.invoked_at = time_of(event, at);
  const auto [place, fresh] = open_.try_emplace(process, history_.operations.size());
  if (!fresh) {
    return base::fail(base::Errc::kInvalid,
                      "process {} invokes another operation while that of {} {} is open", process,
                      history_.place, history_.operations[place->second].invoked);
  }
  history_.operations.push_back(op);
  return {};
}

base::Status ClientHistoryBuilder::complete(const Json& event, std::string_view type,
                                            std::int64_t process, std::uint64_t at) {
  const auto found = open_.find(process);
  if (found == open_.end()) {
    return base::fail(base::Errc::kInvalid, "process {} completes what it did not invoke", process);
  }
  ClientOperation& op = history_.operations[found->second];
  const Json& f = member(event, "f");
  if (f.is_string() && f.get<std::string>() != to_string(op.function)) {
    return base::fail(base::Errc::kInvalid, "process {} completes '{}', and invoked '{}' at {} {}",
                      process, f.get<std::string>(), to_string(op.function), history_.place,
                      op.invoked);
  }
  op.completed_at = time_of(event, at);
  op.completed = at;
  if (type == "ok") {
    op.outcome = OpOutcome::kOk;
    // A read names its key when it is invoked; then its value comes with it again.
    const Json& value = member(event, "value");
    const bool paired = op.key != ValueTable::kNil && !event.contains("key") && value.is_array() &&
                        value.size() == 2 && history_.values.intern(value[0]) == op.key;
    if (op.observes()) op.value = history_.values.intern(paired ? value[1] : value);
  } else if (type == "fail") {
    op.outcome = OpOutcome::kRefused;
  }
  if (const auto committed = commit_of(event)) op.committed = committed;
  open_.erase(found);
  return {};
}

}  // namespace stress
