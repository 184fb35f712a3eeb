#include "harness/campaign/scenario.h"

#include <algorithm>
#include <set>
#include <type_traits>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "harness/campaign/settings_fields.h"
#include "harness/target/json_source.h"
#include "harness/target/target_file.h"

namespace stress {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

template <class T>
constexpr std::string_view type_name() {
  if constexpr (std::is_same_v<T, bool>) return "true or false";
  if constexpr (std::is_same_v<T, std::string>) return "a string";
  if constexpr (std::is_floating_point_v<T>) return "a number";
  if constexpr (std::is_integral_v<T>) return "a whole number that is not negative";
  return "a list of strings";
}

template <class T>
bool fits(const json& value) {
  if constexpr (std::is_same_v<T, bool>) return value.is_boolean();
  if constexpr (std::is_same_v<T, std::string>) return value.is_string();
  if constexpr (std::is_floating_point_v<T>) return value.is_number();
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
    return value.is_number_unsigned();
  if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    return value.is_array() &&
           std::ranges::all_of(value, [](const json& item) { return item.is_string(); });
  }
  return false;
}

base::Status read_settings(const JsonSource& source, const json& run, StormSettings& settings) {
  if (!run.is_object()) return source.wrong("run", "must be an object of settings");
  std::set<std::string> known;
  base::Status status;
  for_each_field(settings, [&](const char* name, auto& field, const char*) {
    known.insert(name);
    if (!status || !run.contains(name)) return;
    using T = std::decay_t<decltype(field)>;
    const json& value = run.at(name);
    if (!fits<T>(value)) {
      status = source.wrong(fmt::format("run.{}", name),
                            fmt::format("must be {}, not {}", type_name<T>(), value.dump()));
      return;
    }
    field = value.get<T>();
    settings.given.insert(name);
  });
  if (!status) return status;
  for (const auto& [key, value] : run.items()) {
    if (!known.contains(key)) {
      return source.wrong("run." + key,
                          fmt::format("no such setting; known are {}", fmt::join(known, ", ")));
    }
  }
  if (is_target_file(settings.target)) {
    settings.target = (source.file().parent_path() / settings.target).lexically_normal().string();
  }
  if (const std::string problem = problem_with(settings); !problem.empty()) {
    // The sentence begins with the flag.
    std::string field;
    for_each_field(settings, [&](const char* name, const auto&, const char*) {
      if (problem.starts_with(flag_of(name) + " ")) field = name;
    });
    return source.wrong(field.empty() ? "run" : "run." + field, problem);
  }
  return {};
}

const std::map<std::string, std::uint64_t report::Totals::*>& total_fields() {
  using report::Totals;
  static const std::map<std::string, std::uint64_t Totals::*> fields = {
      {"spawns_acknowledged", &Totals::spawns_acknowledged},
      {"spawns_refused", &Totals::spawns_refused},
      {"crashes_injected", &Totals::crashes_injected},
      {"faults_injected", &Totals::faults_injected}};
  return fields;
}

base::Status read_expectations(const JsonSource& source, const json& expect, Scenario& scenario) {
  if (!expect.is_object()) return source.wrong("expect", "must be an object");
  for (const auto& [key, value] : expect.items()) {
    if (key == "pass") {
      if (!fits<std::vector<std::string>>(value)) {
        return source.wrong("expect.pass", "must be a list of invariants");
      }
      scenario.must_pass = value.get<std::vector<std::string>>();
    } else if (!total_fields().contains(key)) {
      return source.wrong("expect." + key,
                          "no such figure; known are pass, spawns_acknowledged, "
                          "spawns_refused, crashes_injected, faults_injected");
    } else if (!value.is_number_unsigned()) {
      return source.wrong("expect." + key, "must be a whole number that is not negative");
    } else {
      scenario.totals[key] = value.get<std::uint64_t>();
    }
  }
  return {};
}

base::Status read_members(const JsonSource& source, const json& root, Scenario& scenario) {
  if (!root.is_object()) return source.wrong("scenario", "must be a JSON object");
  for (const auto& [key, value] : root.items()) {
    if (key == "name" || key == "description") {
      if (!value.is_string()) return source.wrong(key, "must be a string");
      (key == "name" ? scenario.settings.name : scenario.description) = value.get<std::string>();
    } else if (key == "seeds") {
      if (!value.is_array() || value.empty() ||
          !std::ranges::all_of(value, [](const json& s) { return s.is_number_unsigned(); })) {
        return source.wrong("seeds", "must be a list of whole numbers, one run each");
      }
      scenario.seeds = value.get<std::vector<std::uint64_t>>();
    } else if (key == "run") {
      if (base::Status read = read_settings(source, value, scenario.settings); !read) return read;
    } else if (key == "expect") {
      if (base::Status read = read_expectations(source, value, scenario); !read) return read;
    } else if (key != "$schema") {
      return source.wrong(
          key, "no such member; known are name, description, seeds, run, expect, $schema");
    }
  }
  for (const char* required : {"name", "seeds", "run"}) {
    if (!root.contains(required)) {
      return source.wrong(required, "is missing");
    }
  }
  return {};
}

}  // namespace

base::Result<Scenario> load_scenario(const fs::path& file) {
  const base::Result<JsonSource> source = JsonSource::read(file);
  if (!source) return std::unexpected(source.error());
  Scenario scenario;
  if (base::Status read = read_members(*source, source->root(), scenario); !read) {
    return std::unexpected(read.error());
  }
  return scenario;
}

base::Result<std::vector<fs::path>> scenario_files(const fs::path& path) {
  std::error_code error;
  if (fs::is_regular_file(path, error)) return std::vector{path};
  std::vector<fs::path> files;
  for (auto entry = fs::directory_iterator(path, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (entry->path().extension() == ".json") files.push_back(entry->path());
  }
  if (files.empty()) {
    return base::fail(base::Errc::kNotFound, "{}: no scenario (*.json) there", path.string());
  }
  std::ranges::sort(files);
  return files;
}

void hold_against(const Scenario& scenario, report::Report& report) {
  report::InvariantResult result;
  result.id = "expectations";
  const auto expect = [&](bool met, const std::string& sentence) {
    ++result.checked;
    if (met) return;
    result.violations.push_back({.summary = sentence});
    ++result.violations_total;
  };
  for (const std::string& id : scenario.must_pass) {
    const auto found = std::ranges::find(report.invariants, id, &report::InvariantResult::id);
    expect(found != report.invariants.end() && found->verdict == report::Verdict::kPass,
           fmt::format("{} was expected to be judged and to pass.", id));
  }
  for (const auto& [name, wanted] : scenario.totals) {
    const std::uint64_t is = report.totals.*total_fields().at(name);
    expect(is == wanted, fmt::format("{} was expected to be {}, not {}.", name, wanted, is));
  }
  if (result.checked == 0) return;
  if (report.verdict == report::Verdict::kUnknown) {
    result.verdict = report::Verdict::kUnknown;
    result.evidence = "an inconclusive run cannot be held to anything";
    result.violations.clear();
    result.violations_total = 0;
    report.invariants.push_back(std::move(result));
    return;
  }
  result.verdict = result.violations.empty() ? report::Verdict::kPass : report::Verdict::kFail;
  result.evidence = "what the scenario expects of a run";
  if (result.verdict == report::Verdict::kFail) report.verdict = report::Verdict::kFail;
  report.invariants.push_back(std::move(result));
}

}  // namespace stress
