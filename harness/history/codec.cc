#include "harness/history/codec.h"

#include <array>
#include <cstddef>
#include <utility>

#include "harness/history/event_members.h"

namespace stress {
namespace {

using wire::Json;

/// By index in Event.
constexpr std::array<std::string_view, std::variant_size_v<Event>> kEventNames = {
    "run",       "invoke",   "complete", "fault",   "snapshot",   "sessions", "life", "repair",
    "bystander", "leftover", "stall",    "trouble", "quiescence", "finished", "loads"};

template <std::size_t I = 0>
Event make_event(std::size_t index) {
  if constexpr (I + 1 < std::variant_size_v<Event>) {
    if (index != I) return make_event<I + 1>(index);
  }
  return Event(std::in_place_index<I>);
}

}  // namespace

std::string encode(const Event& event) {
  Json json = Json::object();
  json["event"] = kEventNames[event.index()];
  std::visit(
      [&json](const auto& value) {
        wire::Writer writer(json);
        members(writer, value);
      },
      event);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

base::Result<Event> decode(std::string_view line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return base::fail(base::Errc::kInvalid, "no JSON object");
  const auto name = json.find("event");
  if (name == json.end() || !name->is_string()) {
    return base::fail(base::Errc::kInvalid, "field 'event' is missing or no string");
  }
  for (std::size_t i = 0; i < kEventNames.size(); ++i) {
    if (name->get_ref<const std::string&>() != kEventNames[i]) continue;
    Event event = make_event(i);
    std::string wrong;
    std::visit(
        [&](auto& value) {
          wire::Reader reader(json, "", wrong);
          members(reader, value);
        },
        event);
    if (!wrong.empty()) {
      return base::fail(base::Errc::kInvalid, "field '{}' of a '{}' event has a wrong value", wrong,
                        kEventNames[i]);
    }
    return event;
  }
  return base::fail(base::Errc::kInvalid, "field 'event' names no known event: '{}'",
                    name->get<std::string>());
}

}  // namespace stress
