#include <array>
#include <cstdint>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/writers/writers.h"

namespace report {
namespace {

using Json = nlohmann::ordered_json;

/// Takes members out of one object; remembers the first wrong one of the document by its path.
/// Missing ones keep their default, unknown ones are ignored.
class Reader {
 public:
  Reader(const Json& json, std::string path, std::string& wrong)
      : json_(json), path_(std::move(path)), wrong_(wrong) {
    if (!json_.is_object()) refuse(path_);
  }

  void text(const char* name, std::string& value) {
    const Json* found = find(name);
    if (found == nullptr) return;
    if (!found->is_string()) return refuse(path_of(name));
    value = found->get<std::string>();
  }
  void number(const char* name, std::uint64_t& value) {
    const Json* found = find(name);
    if (found == nullptr) return;
    if (!found->is_number_unsigned()) return refuse(path_of(name));
    value = found->get<std::uint64_t>();
  }
  void flag(const char* name, bool& value) {
    const Json* found = find(name);
    if (found == nullptr) return;
    if (!found->is_boolean()) return refuse(path_of(name));
    value = found->get<bool>();
  }
  void number(const char* name, double& value) {
    const Json* found = find(name);
    if (found == nullptr) return;
    if (!found->is_number()) return refuse(path_of(name));
    value = found->get<double>();
  }
  void verdict(const char* name, Verdict& value) {
    std::string word;
    text(name, word);
    for (const Verdict verdict : {Verdict::kPass, Verdict::kFail, Verdict::kUnknown,
                                  Verdict::kNotApplicable, Verdict::kKnown}) {
      if (to_string(verdict) == word) {
        value = verdict;
        return;
      }
    }
    refuse(path_of(name));
  }
  void texts(const char* name, std::vector<std::string>& values) {
    each(name, [&](const Json& item, const std::string& path) {
      if (!item.is_string()) return refuse(path);
      values.push_back(item.get<std::string>());
    });
  }
  void texts(const char* name, std::map<std::string, std::string>& values) {
    const Json* found = find(name);
    if (found == nullptr) return;
    if (!found->is_object()) return refuse(path_of(name));
    for (const auto& [key, item] : found->items()) {
      if (!item.is_string()) return refuse(path_of(name) + "/" + key);
      values[key] = item.get<std::string>();
    }
  }
  void numbers(const char* name, std::map<std::string, std::uint64_t>& values) {
    const Json* found = find(name);
    if (found == nullptr) return;
    if (!found->is_object()) return refuse(path_of(name));
    for (const auto& [key, item] : found->items()) {
      if (!item.is_number_unsigned()) return refuse(path_of(name) + "/" + key);
      values[key] = item.get<std::uint64_t>();
    }
  }
  template <class Read>
  void object(const char* name, Read read) {
    const Json* found = find(name);
    if (found == nullptr) return;
    Reader reader(*found, path_of(name), wrong_);
    read(reader);
  }
  template <class T, class Read>
  void objects(const char* name, std::vector<T>& values, Read read) {
    each(name, [&](const Json& item, const std::string& path) {
      Reader reader(item, path, wrong_);
      read(reader, values.emplace_back());
    });
  }

 private:
  [[nodiscard]] const Json* find(const char* name) const {
    if (!json_.is_object()) return nullptr;
    const auto found = json_.find(name);
    return found == json_.end() ? nullptr : &*found;
  }
  template <class Visit>
  void each(const char* name, Visit visit) {
    const Json* found = find(name);
    if (found == nullptr) return;
    if (!found->is_array()) return refuse(path_of(name));
    std::size_t index = 0;
    for (const Json& item : *found) visit(item, fmt::format("{}/{}", path_of(name), index++));
  }
  [[nodiscard]] std::string path_of(const char* name) const { return path_ + "/" + name; }
  void refuse(const std::string& path) {
    if (wrong_.empty()) wrong_ = path.empty() ? "/" : path;
  }

  const Json& json_;
  std::string path_;
  std::string& wrong_;
};

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

void read_crashes(Reader& reader, Crashes& read) {
  const auto read_point = [](Reader& point, PointResult& result) {
    point.objects("broken", result.broken, read_invariant);
  };
  reader.text("version", read.version);
  reader.text("target", read.target);
  reader.text("operation", read.operation);
  reader.verdict("verdict", read.verdict);
  reader.object("control", [&](Reader& control) { read_point(control, read.control); });
  reader.objects("points", read.points, read_point);
}

template <class Result, class Read>
bool read_whole(const std::string& text, Result& result, std::string& error, Read read) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    error = "the report is not JSON";
    return false;
  }
  Result fresh;
  std::string wrong;
  Reader reader(json, "", wrong);
  read(reader, fresh);
  if (!wrong.empty()) {
    error = fmt::format("field '{}' of the report is missing or has a wrong value", wrong);
    return false;
  }
  result = std::move(fresh);
  return true;
}

}  // namespace

bool from_json(const std::string& text, Report& report, std::string& error) {
  return read_whole(text, report, error, read_report);
}

bool from_json(const std::string& text, Crashes& crashes, std::string& error) {
  return read_whole(text, crashes, error, read_crashes);
}

}  // namespace report
