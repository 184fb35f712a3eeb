#include <cmath>

#include <nlohmann/json.hpp>

#include "reports/writers/json_values.h"
#include "reports/writers/writers.h"

namespace report {
namespace {

using Json = nlohmann::ordered_json;

Json to_json_value(const Violation& violation) {
  return {{"summary", violation.summary},
          {"agent", violation.agent},
          {"operations", violation.operations},
          {"fault", violation.fault},
          {"registry_before", violation.registry_before},
          {"registry_after", violation.registry_after},
          {"fingerprint", violation.fingerprint},
          {"known", violation.known}};
}

Json to_json_value(const Totals& totals) {
  return {{"spawns_required", totals.spawns_required},
          {"spawns_acknowledged", totals.spawns_acknowledged},
          {"spawns_refused", totals.spawns_refused},
          {"spawns_info", totals.spawns_info},
          {"operations", totals.operations},
          {"crashes_drawn", totals.crashes_drawn},
          {"crashes_injected", totals.crashes_injected},
          {"faults_injected", totals.faults_injected},
          {"snapshots", totals.snapshots}};
}

}  // namespace

double finite(double value) { return std::isfinite(value) ? value : 0; }

Json to_json_value(const InvariantResult& result) {
  Json violations = Json::array();
  for (const Violation& violation : result.violations) {
    violations.push_back(to_json_value(violation));
  }
  return {{"id", result.id},
          {"verdict", to_string(result.verdict)},
          {"checked", result.checked},
          {"evidence", result.evidence},
          {"violations", violations},
          {"violations_total", result.violations_total},
          {"fingerprints", result.fingerprints},
          {"violations_known", result.violations_known}};
}

std::string to_json(const Report& report) {
  Json json = {{"name", report.name},
               {"version", report.version},
               {"verdict", to_string(report.verdict)},
               {"reason", report.reason},
               {"seed", report.seed},
               {"reproducible", report.reproducible},
               {"engine", report.engine},
               {"injection", report.injection},
               {"target", report.target},
               {"started_at", report.started_at},
               {"duration_s", finite(report.duration_s)},
               {"command", report.command},
               {"settings", Json::object()},
               {"totals", to_json_value(report.totals)},
               {"invariants", Json::array()},
               {"faults", Json::array()},
               {"latency", Json::array()},
               {"notes", report.notes}};
  for (const auto& [name, value] : report.settings) json["settings"][name] = value;
  for (const InvariantResult& result : report.invariants) {
    json["invariants"].push_back(to_json_value(result));
  }
  for (const FaultLine& line : report.faults) {
    json["faults"].push_back({{"kind", line.kind},
                              {"class", line.cls},
                              {"drawn", line.drawn},
                              {"injected", line.injected}});
  }
  for (const LatencyLine& line : report.latency) {
    json["latency"].push_back({{"operation", line.operation},
                               {"count", line.count},
                               {"p50_ms", finite(line.p50_ms)},
                               {"p99_ms", finite(line.p99_ms)},
                               {"max_ms", finite(line.max_ms)}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace report
