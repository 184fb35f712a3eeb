#include "harness/campaign/audit.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/campaign/agent_names.h"
#include "harness/campaign/run_folder.h"
#include "harness/campaign/scratch_folder.h"
#include "harness/campaign/session_probe.h"
#include "harness/campaign/snapshots.h"
#include "harness/campaign/summary.h"
#include "harness/check/invariants.h"
#include "harness/check/tally.h"
#include "harness/target/target.h"
#include "orchestrator/base/clock.h"
#include "orchestrator/base/file_io.h"
#include "orchestrator/base/subprocess.h"

namespace stress {
namespace {

namespace fs = std::filesystem;

/// What a kill or a spawn may leave for a moment between its two halves is gone after this.
constexpr std::chrono::seconds kSettle{1};

/// Sessions, registry, sessions.
struct Look {
  bool whole = false;   ///< both looks at the sessions agree
  std::string why_not;  ///< else
  bool told = false;    ///< what was read is one state of the registry
  Interval at;          ///< of the registry's read
  Observation registry;
  std::vector<ObservedSession> sessions;
};

/// What of an agent changes when it is started or ended; what it reports of its work is not it.
using Standing = std::tuple<std::string, std::string, std::optional<std::int64_t>>;

std::map<std::string, Standing> records_of(const Look& look) {
  std::map<std::string, Standing> records;
  for (const ObservedAgent& agent : look.registry.agents) {
    records[agent.id] = {agent.status, agent.session, agent.pid};
  }
  return records;
}

std::map<std::string, std::vector<ObservedSession>> sessions_of(const Look& look) {
  std::map<std::string, std::vector<ObservedSession>> sessions;
  for (const ObservedSession& session : look.sessions) {
    if (!session.agent.empty()) sessions[session.agent].push_back(session);
  }
  return sessions;
}

template <class Value>
void add_changed(const std::map<std::string, Value>& before,
                 const std::map<std::string, Value>& now, std::set<std::string>& changed) {
  for (const auto& [agent, value] : before) {
    const auto again = now.find(agent);
    if (again == now.end() || again->second != value) changed.insert(agent);
  }
  for (const auto& [agent, value] : now) {
    if (!before.contains(agent)) changed.insert(agent);
  }
}

class Audit {
 public:
  Audit(RunPlace place, std::unique_ptr<Target> target)
      : place_(std::move(place)),
        target_(std::move(target)),
        names_(target_->session_naming()),
        eyes_(make_session_eyes(place_, *target_, names_)) {}

  /// Everything but folders and times.
  StormResult run();
  /// The registry as it was judged.
  [[nodiscard]] const std::string& registry() const { return registry_; }

 private:
  Look look();
  Look look_once(int attempt);
  SessionsView see_sessions(int attempt);
  void conclude(const Look& look, std::set<std::string> in_motion);
  [[nodiscard]] bool something_is_missing() const;
  [[nodiscard]] std::vector<std::string> notes(const Look& look) const;
  [[nodiscard]] std::string motion(const Look& look) const;

  RunPlace place_;
  std::unique_ptr<Target> target_;
  AgentNames names_;
  std::unique_ptr<SessionEyes> eyes_;
  Evidence evidence_;
  std::string registry_;
};

SessionsView Audit::see_sessions(int attempt) {
  SessionsView view = eyes_->look();
  view.attempt = attempt;
  evidence_.session_views.push_back(view);
  return view;
}

Look Audit::look_once(int attempt) {
  Look look;
  const Observer& observer = target_->observer();
  Observation before = observer.observe();
  names_.learn(before);
  const SessionsView first = see_sessions(attempt);
  look.at.begin = base::monotonic_ns();
  look.registry = observer.observe();
  look.at.end = base::monotonic_ns();
  names_.learn(look.registry);
  const SessionsView second = see_sessions(attempt);
  look.sessions = second.sessions;
  // One that may not be read while others write is only good where it stands still.
  const bool still = target_->facts().live_snapshots || before.bytes == look.registry.bytes;
  look.told = !look.registry.not_looked && still;
  if (look.registry.not_looked) {
    look.why_not = "the registry could not be read: " + look.registry.error;
  } else if (!first.answered || !second.answered) {
    look.why_not = "the session host did not answer";
  } else if (first.sessions != second.sessions) {
    look.why_not = "sessions changed between two looks";
  } else if (!still) {
    look.why_not = "the registry changed between two reads";
  } else {
    look.whole = true;
  }
  return look;
}

Look Audit::look() {
  Look look;
  for (int attempt = 0; attempt < 3 && !look.whole; ++attempt) look = look_once(attempt);
  return look;
}

void Audit::conclude(const Look& look, std::set<std::string> in_motion) {
  evidence_.snapshots.clear();
  if (look.told) {
    Snapshot snapshot = snapshot_of(look.registry);
    snapshot.phase = Phase::kFinal;
    snapshot.at = look.at;
    if (snapshot.readable) SnapshotDelta().fill(snapshot, look.registry.agents);
    evidence_.snapshots.push_back(std::move(snapshot));
  }
  evidence_.quiescence = Quiescence{.reached = look.whole,
                                    .why_not = look.why_not,
                                    .sessions = look.sessions,
                                    .living_agents = {},
                                    .in_motion = std::move(in_motion)};
}

bool Audit::something_is_missing() const {
  return std::ranges::any_of(
      std::vector{check_registry_readable(evidence_), check_no_ghosts(evidence_),
                  check_no_orphans(evidence_)},
      [](const auto& result) { return result.verdict == report::Verdict::kFail; });
}

std::string Audit::motion(const Look& look) const {
  const TargetFacts facts = target_->facts();
  std::map<std::string, std::uint64_t> by_status;
  for (const ObservedAgent& agent : look.registry.agents) {
    const bool settled = facts.claims_session.empty() ||
                         facts.claims_session.contains(agent.status) ||
                         !facts.active.contains(agent.status);
    if (!settled) ++by_status[agent.status];
  }
  std::vector<std::string> parts;
  parts.reserve(by_status.size() + 1);
  for (const auto& [status, count] : by_status) {
    parts.push_back(fmt::format("{} {}", check::count_of(count, "agent"), status));
  }
  const std::size_t changed = evidence_.quiescence->in_motion.size();
  if (changed > 0) {
    parts.push_back(check::count_of(changed, "agent") + " changed between two looks");
  }
  return parts.empty() ? "" : fmt::format("in motion: {}", fmt::join(parts, ", "));
}

std::vector<std::string> Audit::notes(const Look& look) const {
  std::vector<std::string> notes;
  if (!look.whole) notes.push_back("three looks, and each time " + look.why_not);
  if (std::string moving = motion(look); !moving.empty()) notes.push_back(std::move(moving));
  const SessionNaming naming = target_->session_naming();
  if (place_.sessions == "tmux") {
    const bool server = std::ranges::any_of(evidence_.session_views, &SessionsView::server_running);
    notes.push_back(fmt::format("sessions are those of the tmux server at {}{}",
                                place_.tmux_socket.string(),
                                server ? "" : "; no server runs there"));
    if (naming.option.empty()) {
      notes.push_back(
          "a session is told by its name alone; those of another workspace on this server count "
          "as this one's");
    }
  } else if (naming.by_recorded_pid) {
    notes.push_back(
        "processes are told by their numbers alone, and looked for only where an active agent's "
        "record has one");
  }
  return notes;
}

StormResult Audit::run() {
  evidence_.run.version = SPAWNSTORM_VERSION;
  evidence_.run.engine = "audit";
  evidence_.run.target = target_->facts();
  evidence_.run.target.limits_always = true;  // it is one moment that is judged
  Look seen = look();
  conclude(seen, {});
  if (seen.whole && something_is_missing()) {
    std::this_thread::sleep_for(kSettle);
    Look again = look();
    std::set<std::string> changed;
    if (again.whole && seen.registry.readable && again.registry.readable) {
      add_changed(records_of(seen), records_of(again), changed);
      add_changed(sessions_of(seen), sessions_of(again), changed);
    }
    seen = std::move(again);
    conclude(seen, std::move(changed));
  }
  evidence_.finished = true;

  StormResult result;
  report::Report& report = result.report;
  report.invariants = check_audit(evidence_);
  report.verdict = overall(evidence_, report.invariants);
  report.reason = why_unknown(evidence_, report.invariants);
  report.totals = count_totals(evidence_);
  report.notes = notes(seen);
  result.evidence = std::move(evidence_);
  registry_ = std::move(seen.registry.bytes);
  return result;
}

bool lies_in(const fs::path& path, const fs::path& folder) {
  std::error_code ignored;  // what cannot be looked at is compared by its name
  const fs::path absolute = fs::absolute(path, ignored);
  const fs::path known = fs::weakly_canonical(absolute, ignored);
  const fs::path relative = (known.empty() ? absolute : known).lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

base::Result<RunPlace> find_place(const AuditSettings& settings) {
  RunPlace place;
  std::error_code error;
  place.workspace = fs::canonical(settings.workspace, error);
  if (error || !fs::is_directory(place.workspace, error)) {
    return base::fail(base::Errc::kNotFound, "{}: there is no such folder",
                      settings.workspace.string());
  }
  if (lies_in(settings.out, place.workspace)) {
    return base::fail(base::Errc::kInvalid,
                      "results would go to {}, within the workspace, which an audit leaves as it "
                      "is; --out names another folder",
                      settings.out.string());
  }
  place.env = base::current_environment();
  place.live = true;
  return place;
}

}  // namespace

base::Result<StormResult> run_audit(const AuditSettings& settings) {
  const auto begin = std::chrono::steady_clock::now();
  const std::string started_at = base::to_iso8601(base::wall_now());
  base::Result<RunPlace> place = find_place(settings);
  if (!place) return std::unexpected(place.error());
  const ScratchFolder scratch;
  place->scratch = scratch.path();
  base::Result<std::unique_ptr<Target>> target = make_target(settings.target, *place);
  if (!target) return std::unexpected(target.error());
  if (base::Status known = (*target)->attach(*place, settings.allow_commands); !known) {
    return std::unexpected(known.error());
  }
  const std::string workspace = place->workspace.string();
  Audit audit(*std::move(place), *std::move(target));
  StormResult result = audit.run();
  report::Report& report = result.report;
  report.name = report.engine = "audit";
  report.version = SPAWNSTORM_VERSION;
  report.reproducible = "statistical";
  report.target = settings.target;
  report.started_at = started_at;
  report.command = settings.command;
  report.settings = {{"workspace", workspace}};
  base::Result<fs::path> results = make_results_folder(settings.out, "audit");
  if (!results) return std::unexpected(results.error());
  result.results = *std::move(results);
  if (base::Status kept = base::replace_file(result.results / "registry-final", audit.registry());
      !kept) {
    return std::unexpected(kept.error());
  }
  report.duration_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

}  // namespace stress
