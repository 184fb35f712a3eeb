#include "reports/writers/json_reader.h"

#include "reports/writers/writers.h"

namespace report {
namespace {

void read_violation(Reader& reader, Violation& violation) {
  reader.text("summary", violation.summary);
  reader.text("agent", violation.agent);
  reader.texts("operations", violation.operations);
  reader.text("fault", violation.fault);
  reader.text("registry_before", violation.registry_before);
  reader.text("registry_after", violation.registry_after);
  reader.text("fingerprint", violation.fingerprint);
  reader.flag("known", violation.known);
}

void read_totals(Reader& reader, Totals& totals) {
  reader.number("spawns_required", totals.spawns_required);
  reader.number("spawns_acknowledged", totals.spawns_acknowledged);
  reader.number("spawns_refused", totals.spawns_refused);
  reader.number("spawns_info", totals.spawns_info);
  reader.number("operations", totals.operations);
  reader.number("crashes_drawn", totals.crashes_drawn);
  reader.number("crashes_injected", totals.crashes_injected);
  reader.number("faults_injected", totals.faults_injected);
  reader.number("snapshots", totals.snapshots);
}

void read_fault(Reader& reader, FaultLine& line) {
  reader.text("kind", line.kind);
  reader.text("class", line.cls);
  reader.number("drawn", line.drawn);
  reader.number("injected", line.injected);
}

void read_latency(Reader& reader, LatencyLine& line) {
  reader.text("operation", line.operation);
  reader.number("count", line.count);
  reader.number("p50_ms", line.p50_ms);
  reader.number("p99_ms", line.p99_ms);
  reader.number("max_ms", line.max_ms);
}

void read_report(Reader& reader, Report& read) {
  reader.text("name", read.name);
  reader.text("version", read.version);
  reader.verdict("verdict", read.verdict);
  reader.text("reason", read.reason);
  reader.number("seed", read.seed);
  reader.text("reproducible", read.reproducible);
  reader.text("engine", read.engine);
  reader.text("injection", read.injection);
  reader.text("target", read.target);
  reader.text("started_at", read.started_at);
  reader.number("duration_s", read.duration_s);
  reader.texts("command", read.command);
  reader.texts("settings", read.settings);
  reader.object("totals", [&read](Reader& totals) { read_totals(totals, read.totals); });
  reader.objects("invariants", read.invariants, read_invariant);
  reader.objects("faults", read.faults, read_fault);
  reader.objects("latency", read.latency, read_latency);
  reader.texts("notes", read.notes);
}

void read_point(Reader& reader, PointResult& point) {
  reader.number("number", point.number);
  reader.text("at", point.at);
  reader.text("variant", point.variant);
  reader.one_of("verdict", point.verdict,
                {PointVerdict::kOk, PointVerdict::kRecovered, PointVerdict::kViolation,
                 PointVerdict::kUnknown, PointVerdict::kNotReached, PointVerdict::kNotRun});
  reader.text("reply", point.reply);
  reader.text("blow", point.blow);
  reader.text("reason", point.reason);
  reader.objects("broken", point.broken, read_invariant);
  reader.text("reproducible", point.reproducible);
  reader.number("seconds", point.seconds);
}

void read_crashes(Reader& reader, Crashes& read) {
  reader.text("version", read.version);
  reader.text("target", read.target);
  reader.text("operation", read.operation);
  reader.text("sessions", read.sessions);
  reader.number("seed", read.seed);
  reader.number("only", read.only);
  reader.texts("command", read.command);
  reader.text("started_at", read.started_at);
  reader.number("duration_s", read.duration_s);
  reader.verdict("verdict", read.verdict);
  reader.flag("exhaustive", read.exhaustive);
  reader.text("reproducible", read.reproducible);
  reader.text("victim", read.victim);
  reader.texts("calls", read.calls);
  reader.object("control", [&](Reader& control) { read_point(control, read.control); });
  reader.objects("points", read.points, read_point);
  reader.texts("notes", read.notes);
}

}  // namespace

void read_invariant(Reader& reader, InvariantResult& result) {
  reader.text("id", result.id);
  reader.verdict("verdict", result.verdict);
  reader.number("checked", result.checked);
  reader.text("evidence", result.evidence);
  reader.objects("violations", result.violations, read_violation);
  reader.number("violations_total", result.violations_total);
  reader.numbers("fingerprints", result.fingerprints);
  reader.number("violations_known", result.violations_known);
}

bool from_json(const std::string& text, Report& report, std::string& error) {
  return read_whole(text, report, error, read_report);
}

bool from_json(const std::string& text, Crashes& crashes, std::string& error) {
  return read_whole(text, crashes, error, read_crashes);
}

}  // namespace report
