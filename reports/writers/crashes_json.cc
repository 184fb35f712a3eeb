#include "reports/writers/json_values.h"
#include "reports/writers/writers.h"

namespace report {
namespace {

using Json = nlohmann::ordered_json;

Json to_json_value(const PointResult& point) {
  Json broken = Json::array();
  for (const InvariantResult& result : point.broken) broken.push_back(to_json_value(result));
  return {{"number", point.number},
          {"at", point.at},
          {"variant", point.variant},
          {"verdict", to_string(point.verdict)},
          {"reply", point.reply},
          {"blow", point.blow},
          {"reason", point.reason},
          {"broken", broken},
          {"reproducible", point.reproducible},
          {"seconds", finite(point.seconds)}};
}

}  // namespace

std::string to_json(const Crashes& crashes) {
  Json json = {{"version", crashes.version},
               {"target", crashes.target},
               {"operation", crashes.operation},
               {"sessions", crashes.sessions},
               {"seed", crashes.seed},
               {"only", crashes.only},
               {"engine", "explore"},
               {"command", crashes.command},
               {"started_at", crashes.started_at},
               {"duration_s", finite(crashes.duration_s)},
               {"verdict", to_string(crashes.verdict)},
               {"exhaustive", crashes.exhaustive},
               {"reproducible", crashes.reproducible},
               {"victim", crashes.victim},
               {"calls", crashes.calls},
               {"control", to_json_value(crashes.control)},
               {"points", Json::array()},
               {"notes", crashes.notes}};
  for (const PointResult& point : crashes.points) json["points"].push_back(to_json_value(point));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace report
