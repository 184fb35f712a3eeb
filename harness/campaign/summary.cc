#include "harness/campaign/summary.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include "harness/check/invariants.h"
#include "harness/check/story.h"

namespace stress {
namespace {

/// Nearest-rank percentile of sorted values.
double percentile(const std::vector<double>& sorted, double share) {
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

}  // namespace

report::Totals count_totals(const Evidence& evidence) {
  report::Totals totals;
  totals.spawns_required = evidence.run.spawns_required;
  std::set<std::uint64_t> acknowledged;
  for (const Operation& op : evidence.operations) {
    if (op.client == kSetupClient) continue;
    ++totals.operations;
    if (op.kind != OpKind::kSpawn) continue;
    if (op.outcome == OpOutcome::kOk) acknowledged.insert(op.slot);
    totals.spawns_refused += op.outcome == OpOutcome::kRefused ? 1u : 0u;
    totals.spawns_info += op.outcome == OpOutcome::kInfo ? 1u : 0u;
  }
  totals.spawns_acknowledged = acknowledged.size();
  totals.snapshots = evidence.snapshots.size();
  for (const Fault& fault : evidence.faults) {
    if (!fault.injected) continue;
    ++totals.faults_injected;
    totals.crashes_injected += fault.kind == "crash" ? 1u : 0u;
  }
  return totals;
}

std::vector<report::LatencyLine> measure_latency(const Evidence& evidence) {
  std::map<std::string_view, std::vector<double>> by_kind;
  for (const Operation& op : evidence.operations) {
    if (!op.completed || op.outcome != OpOutcome::kOk) continue;
    by_kind[check::to_string(op.kind)].push_back(static_cast<double>(*op.completed - op.invoked) /
                                                 1e6);
  }
  std::vector<report::LatencyLine> lines;
  for (auto& [name, values] : by_kind) {
    std::ranges::sort(values);
    lines.push_back({std::string(name), values.size(), percentile(values, 0.5),
                     percentile(values, 0.99), values.back()});
  }
  return lines;
}

std::vector<report::FaultLine> count_faults(const Evidence& evidence, const std::vector<Hit>& drawn,
                                            const std::vector<PlannedFault>& planned) {
  std::map<std::pair<std::string, std::string>, report::FaultLine> lines;
  const auto line = [&](const std::string& kind, const std::string& cls) -> report::FaultLine& {
    report::FaultLine& found = lines[{kind, cls}];
    found.kind = kind;
    found.cls = cls;
    return found;
  };
  for (const Hit& hit : drawn) ++line("crash", to_string(hit.cls)).drawn;
  for (const PlannedFault& fault : planned) line("fault", fault.spec).drawn = fault.matched;
  for (const Fault& fault : evidence.faults) {
    report::FaultLine& found = line(fault.kind, fault.cls);
    if (fault.kind != "crash" && fault.kind != "fault") ++found.drawn;
    found.injected += fault.injected ? 1u : 0u;
  }
  std::vector<report::FaultLine> result;
  result.reserve(lines.size());
  for (const auto& [key, value] : lines) result.push_back(value);
  return result;
}

report::Report make_report(const StormSettings& settings, const Evidence& evidence,
                           const CrashAccount& crashes) {
  const std::string& because = crashes.unsupervised_because;
  report::Report report;
  report.name = settings.name;
  report.version = SPAWNSTORM_VERSION;
  report.seed = settings.seed;
  report.reproducible = "statistical";
  report.engine = "storm";
  report.injection = because.empty() ? "supervisor" : "signals: " + because;
  report.target = settings.target;
  report.command = settings.command;
  report.settings = describe(settings);
  report.faults = count_faults(evidence, crashes.drawn, crashes.planned);
  report.latency = measure_latency(evidence);
  report.totals = count_totals(evidence);
  report.totals.crashes_drawn = because.empty() ? crashes.drawn.size() : crashes.random;
  if (settings.duration_s > 0) {
    // Drawn for more spawns than anybody can do in the time: what was begun is what counts.
    for (report::FaultLine& line : report.faults) {
      if (line.kind != "fault") line.drawn = line.injected;
    }
    report.totals.crashes_drawn = report.totals.crashes_injected;
  }
  for (const PlannedFault& fault : crashes.planned) {
    if (fault.missed > 0) {
      report.notes.push_back(fmt::format(
          "the fault '{}' came to nothing {} times: its process was gone by then{}", fault.spec,
          fault.missed, fault.spec.contains(":exit=") ? ", or may not be traced" : ""));
    }
    if (fault.matched > 0) continue;
    report.notes.push_back(
        fmt::format("no call of the run matched the fault '{}': it tested nothing", fault.spec));
  }
  report.invariants = check_all(evidence);
  report.verdict = overall(evidence, report.invariants);
  report.reason = why_unknown(evidence, report.invariants);
  return report;
}

}  // namespace stress
