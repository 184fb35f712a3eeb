#include "harness/explore/schedule_trial.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/campaign/aftermath.h"
#include "harness/campaign/agent_lives.h"
#include "harness/campaign/blind_spot_notes.h"
#include "harness/campaign/collector.h"
#include "harness/campaign/snapshots.h"
#include "harness/check/invariants.h"
#include "harness/explore/actors.h"
#include "harness/explore/commit_watch.h"
#include "harness/explore/programs.h"
#include "harness/explore/registry_words.h"
#include "harness/explore/requests.h"
#include "harness/explore/telling.h"
#include "harness/schedule/scheduler.h"
#include "harness/schedule/strategies.h"
#include "orchestrator/base/clock.h"

namespace stress {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<Strategy> strategy_of(const SchedulePlan& plan, Visited& visited) {
  switch (plan.kind) {
    case SchedulePlan::Kind::kRandom:
      return std::make_unique<RandomWalk>(plan.seed, plan.range);
    case SchedulePlan::Kind::kPct:
      return std::make_unique<Pct>(plan.seed, plan.depth, plan.range);
    case SchedulePlan::Kind::kPrefix:
      return std::make_unique<FollowPrefix>(plan.decisions, plan.moments ? &visited : nullptr);
    case SchedulePlan::Kind::kScript:
      return std::make_unique<FollowScript>(plan.script);
    case SchedulePlan::Kind::kReplay:
      return std::make_unique<Replay>(plan.decisions, plan.trace);
  }
  return nullptr;
}

/// One schedule from beginning to end.
class Trial : private ScheduleObserver {
 public:
  Trial(const Scene& scene, const SchedulePlan& plan, Ground& ground, Visited& visited)
      : plan_(plan),
        ground_(ground),
        stage_(ground.stage()),
        arena_(ground.arena()),
        operations_(operations_of(scene, stage_.target(), ground.prepared())),
        strategy_(strategy_of(plan, visited)),
        // Who has not moved for as long as he may take to answer has broken his promise.
        scheduler_({.crashes_max = plan.crashes_max,
                    .sessions_at_once = scene.agents_at_once,
                    .begin_in_order = scene.begin_in_order,
                    .stuck_after = stage_.target().reply_deadline() + 1s},
                   *strategy_, *this),
        snapshots_(stage_.target(), collector_, stage_.names()),
        programs_(scene.folder / "out") {
    std::erase_if(operations_, [&](const SceneOperation& operation) {
      return std::ranges::find(plan.without, operation.label) != plan.without.end();
    });
  }
  ~Trial() override { arena_.end_programs(); }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  base::Result<ScheduleResult> run();

 private:
  void began(const std::string& label) override;
  void ended(const std::string& label, int status, bool by_us) override;
  void stepped(Step& step) override;
  Observation look(Phase phase);

  void tell_start(std::uint64_t seed);
  base::Status launch();
  void look_at_the_end(RunEnd end);
  [[nodiscard]] bool needs_repair() const;
  void collect_stalls();
  ScheduleResult conclude(RunEnd end);
  SceneOperation& operation(const std::string& label);

  const SchedulePlan& plan_;
  Ground& ground_;
  Stage& stage_;
  Arena& arena_;
  std::vector<SceneOperation> operations_;
  std::unique_ptr<Strategy> strategy_;
  Scheduler scheduler_;
  Collector collector_;
  Snapshots snapshots_;
  Programs programs_;
  std::vector<std::string> registry_;  ///< what it held after each step, in words
  std::string registry_now_;
  bool changed_ = false;  ///< files, since the registry was looked at
  CommitWatch commits_;
  std::optional<RegistryWords> words_;  ///< from tell_start() on
};

SceneOperation& Trial::operation(const std::string& label) {
  return *std::ranges::find(operations_, label, &SceneOperation::label);
}

void Trial::tell_start(std::uint64_t seed) {
  collector_.with([&](Evidence& evidence) {
    const auto spawns =
        static_cast<std::uint64_t>(std::ranges::count(operations_, "spawn", &SceneOperation::word));
    evidence.run = {seed, SPAWNSTORM_VERSION, "schedule", stage_.target().facts(), spawns, false};
    evidence.operations = ground_.prepared();
  });
  for (const Operation& prepared : ground_.prepared()) commits_.prepared(prepared.agent);
  const Observation start = look(Phase::kSetup);
  words_.emplace(stage_.target().facts(), start);
  registry_now_ = words_->of(start);
}

Observation Trial::look(Phase phase) {
  Observation seen = snapshots_.take(phase);
  commits_.saw(seen);
  changed_ = false;
  return seen;
}

base::Status Trial::launch() {
  for (const SceneOperation& operation : operations_) {
    if (operation.is_harness()) continue;
    const base::Result<LaunchSpec> spec =
        programs_.prepare(operation.label, *stage_.target().program(operation.request));
    if (!spec) return std::unexpected(spec.error());
    if (base::Status launched = arena_.launch(operation.label, *spec); !launched) return launched;
  }
  return {};
}

void Trial::began(const std::string& label) { operation(label).op.invoked = base::monotonic_ns(); }

void Trial::ended(const std::string& label, int status, bool by_us) {
  SceneOperation& operation = this->operation(label);
  const std::int64_t now = base::monotonic_ns();
  if (by_us) {
    operation.op.died = now;
    Fault fault;
    fault.at = scheduler_.steps().back().begin;
    fault.kind = "crash";
    const Decision& decision = scheduler_.steps().back().decision;
    fault.variant = decision.act == Act::kCrash ? "process" : "with-descendants";
    fault.op = operation.op.id;
    fault.detail = scheduler_.steps().back().call.words;
    collector_.with([&](Evidence& evidence) { evidence.faults.push_back(fault); });
    return;
  }
  const Reply reply = programs_.reply(label, status);
  operation.op.completed = now;
  operation.op.outcome = reply.outcome;
  operation.op.error = reply.error;
  operation.op.seen = reply.seen;
  if (operation.word != "spawn") return;
  operation.op.agent = reply.agent;
  if (reply.outcome == OpOutcome::kOk) commits_.answered(label, reply.agent);
}

void Trial::stepped(Step& step) {
  const bool may_look = stage_.target().facts().live_snapshots &&
                        !(step.locks_held && stage_.target().observer().takes_lock());
  commits_.stepped(step);
  changed_ |= step.changes;
  if (changed_ && may_look) registry_now_ = words_->of(look(Phase::kStorm));
  registry_.push_back(registry_now_);
}

base::Result<ScheduleResult> Trial::run() {
  const auto begun = std::chrono::steady_clock::now();
  tell_start(plan_.seed);
  arena_.rule([this](const ScheduledTask& task, std::string_view maker) {
    scheduler_.note_new(task, maker);
  });
  if (base::Status launched = launch(); !launched) return std::unexpected(launched.error());
  const RunEnd end = scheduler_.run(arena_, actors_of(operations_, stage_, arena_, collector_));
  if (end == RunEnd::kKnown) {
    arena_.end_programs();
  } else {
    look_at_the_end(end);
  }
  ScheduleResult result = conclude(end);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  return result;
}

void Trial::collect_stalls() {
  collector_.with([&](Evidence& evidence) {
    for (const SceneOperation& operation : operations_) {
      if (!operation.is_told() || !arena_.is_running(operation.label)) continue;
      Stall stall;
      stall.op = operation.op.id;
      stall.waited = base::monotonic_ns() - operation.op.invoked;
      stall.proven = true;
      stall.detail = fmt::format("{}", fmt::join(scheduler_.deadlock(), "; "));
      evidence.stalls.push_back(std::move(stall));
    }
  });
}

bool Trial::needs_repair() const {
  return std::ranges::any_of(operations_, [](const SceneOperation& operation) {
    if (operation.is_harness()) return !pause_of(operation.word);
    return !operation.op.completed || operation.op.outcome == OpOutcome::kInfo;
  });
}

void Trial::look_at_the_end(RunEnd end) {
  if (end == RunEnd::kStuck) {
    collect_stalls();
    for (const SceneOperation& operation : operations_) arena_.kill(operation.label, true);
  }
  arena_.free_all();
  collector_.with([&](Evidence& evidence) {
    for (const SceneOperation& operation : operations_) {
      if (operation.is_told() && operation.op.invoked != 0) {
        evidence.operations.push_back(operation.op);
      }
    }
    commits_.number(evidence);
  });
  if (end != RunEnd::kDone && end != RunEnd::kStuck) return;
  Aftermath aftermath(stage_.target(), stage_.probe(), snapshots_, stage_.group(), collector_,
                      stage_.place());
  if (!aftermath.quiesce(stage_.engine(), 30s)) return;
  // Where all went well a repair has nothing to do, and what it would do is not what is explored.
  if (needs_repair()) aftermath.repair();
  aftermath.observe();
  collector_.with([](Evidence& evidence) { evidence.finished = true; });
}

ScheduleResult Trial::conclude(RunEnd end) {
  base::Result<std::vector<AgentLife>> lives;
  if (stage_.target().facts().agents_report) {
    lives = read_agent_lives(stage_.place().agent_log, stage_.names());
  }
  if (!lives) collector_.trouble(lives.error().message);
  if (end == RunEnd::kTooLong) collector_.trouble("the schedule came to no end");
  if (end == RunEnd::kRestless) {
    collector_.trouble(
        fmt::format("a process moved on and on, unseen ({})", scheduler_.standings()));
  }
  ScheduleResult result;
  collector_.with([&](Evidence& evidence) {
    if (lives) evidence.lives = std::move(*lives);
    if (evidence.repairs.empty()) {  // what was not tried is not judged
      evidence.run.target.has_repair = evidence.run.target.has_dry_run = false;
    }
    std::ranges::stable_sort(evidence.operations, {}, &Operation::invoked);
    const auto invariants = check_all(evidence);
    result.verdict = overall(evidence, invariants);
    result.reason = why_unknown(evidence, invariants);
    for (const report::InvariantResult& one : invariants) {
      const bool broken = one.verdict == report::Verdict::kFail;
      if (broken) result.broken.push_back(one);
      if (broken || one.verdict == report::Verdict::kPass) result.judged.push_back(one.id);
    }
  });
  result.id = plan_.id;
  result.departed = strategy_->why_departed();
  if (end == RunEnd::kDeparted) {
    result.verdict = report::Verdict::kUnknown;
    result.reason = fmt::format("{} ({})", result.departed, scheduler_.standings());
  }
  for (const Step& step : scheduler_.steps()) {
    result.decisions.push_back(step.decision);
    if (is_preemption(step.moment, step.decision)) ++result.preemptions;
    if (step.decision.act != Act::kRun) ++result.crashes;
    if (plan_.moments) result.moments.push_back(step.moment);
  }
  if (plan_.moments) {
    result.met.assign(scheduler_.meetings().met().begin(), scheduler_.meetings().met().end());
    result.known = end == RunEnd::kKnown;
    if (result.known) {
      result.moments.push_back(*scheduler_.cut_at());
      result.decisions.push_back(*strategy_->known());
    }
  }
  if (result.known) result.verdict = report::Verdict::kPass;  // as the one that is known
  result.trace = trace_of(scheduler_.steps());
  result.tasks = count_tasks(scheduler_.steps());
  for (const BlindSpotNote& note :
       blind_spot_notes(arena_.blind_spots().found(), arena_.setting().watched)) {
    result.blind_spots.push_back(note.words);
  }
  if (plan_.story) {
    result.story = tell(scheduler_, operations_, registry_);
    result.story.broken = result.broken;
  }
  return result;
}

}  // namespace

base::Result<ScheduleResult> run_schedule(const Scene& scene, const SchedulePlan& plan,
                                          Ground& ground, Visited& visited) {
  if (base::Status ready = ground.reset(); !ready) return std::unexpected(ready.error());
  return Trial(scene, plan, ground, visited).run();
}

}  // namespace stress
