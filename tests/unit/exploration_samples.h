#pragma once

#include <string>
#include <utility>
#include <vector>

#include "reports/model/exploration.h"
#include "tests/unit/report_samples.h"

namespace report::testing {

/// Schedules step by step, each 10 us long.
class ScheduleBuilder {
 public:
  ScheduleBuilder& operation(const std::string& label, const std::string& words,
                             const std::string& outcome, const std::string& reply = "") {
    schedule_.operations.push_back({label, words, outcome, reply});
    return *this;
  }
  /// `who`: a task; its operation is what stands before the first '.' or '/'.
  ScheduleBuilder& step(const std::string& who, const std::string& kind, const std::string& file) {
    ScheduleStep step;
    step.task = who;
    step.operation = who.substr(0, who.find_first_of("./"));
    step.program = who.find('.') == std::string::npos ? "python3" : "tmux";
    step.act = "run";
    step.kind = kind;
    step.file = file;
    step.call = kind + (file.empty() ? "" : " " + file);
    step.begin_us = 10.0 * static_cast<double>(schedule_.steps.size());
    step.end_us = step.begin_us + 10;
    schedule_.steps.push_back(std::move(step));
    return *this;
  }
  ScheduleBuilder& to(const std::string& file2) { return last().file2 = file2, *this; }
  ScheduleBuilder& bytes(std::uint64_t bytes) { return last().bytes = bytes, *this; }
  ScheduleBuilder& result(const std::string& text) { return last().result = text, *this; }
  ScheduleBuilder& registry(const std::string& text) { return last().registry = text, *this; }
  ScheduleBuilder& call(const std::string& text) { return last().call = text, *this; }
  ScheduleBuilder& act(const std::string& act) { return last().act = act, *this; }
  /// The last step was one that interrupted another.
  ScheduleBuilder& preempting() { return last().preemption = true, *this; }
  ScheduleBuilder& breaks(const std::string& invariant, const std::string& summary) {
    InvariantResult broken{.id = invariant, .verdict = Verdict::kFail, .checked = 1};
    broken.violations.push_back({.summary = summary, .fingerprint = summary});
    broken.violations_total = 1;
    broken.fingerprints = {{summary, 1}};
    schedule_.broken.push_back(std::move(broken));
    return *this;
  }
  ScheduleBuilder& deadlock(const std::string& waiter) {
    return schedule_.deadlock.push_back(waiter), *this;
  }
  /// A program begins, looks at the registry, and makes its new version of it.
  ScheduleBuilder& saves(const std::string& who, const std::string& now) {
    const std::string temporary = "registry.json.tmp-" + who;
    step(who, "open", temporary).call("create registry.json.tmp-*");
    step(who, "write", temporary).bytes(412);
    return step(who, "rename", temporary).to("registry.json").registry(now);
  }
  FailingSchedule take() { return std::exchange(schedule_, {}); }

 private:
  ScheduleStep& last() { return schedule_.steps.back(); }
  FailingSchedule schedule_;
};

/// Two spawns without a lock: A reads, B spawns, A overwrites what B saved.
inline FailingSchedule lost_update() {
  ScheduleBuilder story;
  story.operation("A", "spawn worker1", "ok", "agent-1")
      .operation("B", "spawn worker2", "ok", "agent-2");
  story.step("A", "exec", "").call("exec python3");
  story.step("A", "stat", "registry.json");
  story.step("A", "open", "registry.json").registry("0 agents");
  story.step("A", "read", "registry.json").bytes(2).registry("0 agents");
  story.step("B", "exec", "").call("exec python3").preempting();
  story.step("B", "stat", "registry.json");
  story.step("B", "open", "registry.json").registry("0 agents");
  story.step("B", "read", "registry.json").bytes(2).registry("0 agents");
  story.saves("B", "1 agent: agent-2 running");
  story.step("B", "exec", "").call("exec tmux");
  story.step("B.1", "connect", "tmux.sock");
  story.step("B.1", "exit", "").call("exit");
  story.step("B", "reply", "");
  story.saves("A", "1 agent: agent-1 running");
  story.step("A", "exec", "").call("exec tmux");
  story.step("A.1", "connect", "tmux.sock");
  story.step("A", "reply", "");
  story.breaks("acked-present", "Agent agent-2 was acknowledged and is missing.");
  FailingSchedule schedule = story.take();
  schedule.found_by = "random walk, schedule 3 of seed 7";
  schedule.found_after_s = 0.4;
  schedule.found = {4, 9, 1, 120};
  schedule.shrunk = {2, 1, 0, static_cast<int>(schedule.steps.size())};
  schedule.replays = schedule.replays_same = 100;
  schedule.file = "failures/001.json";
  return schedule;
}

/// A spawner dies when its record is saved and its session is not made.
inline FailingSchedule killed_before_the_session() {
  ScheduleBuilder story;
  story.operation("A", "spawn worker1", "killed").operation("B", "repair", "ok");
  story.step("A", "open", "registry.json").registry("0 agents");
  story.saves("A", "1 agent: a-1 starting");
  story.step("A", "exec", "").call("exec tmux").act("crash");
  story.step("B", "open", "registry.json").registry("1 agent: a-1 starting");
  story.breaks("three-way-match", "Agent a-1 is \"starting\" in the registry, and has no session.");
  return story.take();
}

inline FailingSchedule three_operations() {
  ScheduleBuilder story;
  for (const char* label : {"A", "B", "C"}) {
    story.operation(label, std::string("update agent-") + label, "ok");
    story.step(label, "open", "registry.json").registry("1 agent: a-1 running");
    if (*label != 'A') story.preempting();
  }
  story.saves("C", "1 agent: a-1 working");
  return story.take();
}

inline FailingSchedule deadlocked() {
  ScheduleBuilder story;
  story.operation("A", "spawn worker1", "stuck").operation("B", "kill agent-1", "stuck");
  story.step("A", "lock", "one.lock");
  story.step("B", "lock", "two.lock").preempting();
  story.step("B", "lock", "one.lock").result("waits for the lock that A holds");
  story.step("A", "lock", "two.lock").result("waits for the lock that B holds");
  story.deadlock("A waits for two.lock, which B holds");
  story.deadlock("B waits for one.lock, which A holds");
  story.breaks("progress", "2 operations never end.");
  return story.take();
}

/// Whatever a file system may hold, in each place where text goes.
inline FailingSchedule nasty_schedule() {
  ScheduleBuilder story;
  story.operation("A", kNasty, "refused", kNasty);
  story.step("A", "write", kNasty).bytes(3).result(kNasty).registry(kNasty);
  story.step("B", kNasty, kNasty).call(kNasty).preempting();
  story.step("A", "rename", kNasty).to(kNasty).act("crash");
  story.step("", "", kNasty).act("session-kill");
  story.breaks("no-ghosts", kNasty).deadlock(kNasty);
  FailingSchedule schedule = story.take();
  schedule.found_by = schedule.departed = schedule.file = kNasty;
  schedule.replays = 2;
  return schedule;
}

inline Exploration sound_exploration() {
  Exploration exploration;
  exploration.version = "0.1.0";
  exploration.target = "builtin";
  exploration.operations = {"spawn worker1", "spawn worker2"};
  exploration.sessions = "process";
  exploration.strategy = "exhaustive";
  exploration.seed = 7;
  exploration.jobs = 2;
  exploration.crashes_max = 1;
  exploration.preemptions_max = 2;
  exploration.command = {"stress", "explore", "--out", "a folder/it's"};
  exploration.started_at = "2024-05-06T07:08:09Z";
  exploration.duration_s = 4;
  exploration.verdict = Verdict::kPass;
  exploration.reproducible = "exact";
  exploration.executed = 40;
  exploration.pruned = 12;
  exploration.judged = {{"acked-present", 40}, {"linearizable", 31}};
  exploration.tasks = 4;
  exploration.steps = 60;
  exploration.exhaustive = true;
  exploration.coverage =
      "exhaustive: all schedules with at most 2 preemptions, 40 executed, 12 pruned";
  exploration.notes = {"panes are not scheduled"};
  return exploration;
}

inline Exploration failing_exploration() {
  Exploration exploration = sound_exploration();
  exploration.strategy = "pct";
  exploration.verdict = Verdict::kFail;
  exploration.preemptions_max = -1;
  exploration.exhaustive = false;
  exploration.coverage.clear();
  exploration.guarantee = "a bug of depth 2 is found with at least 1/(2*14) a schedule";
  exploration.failing = 3;
  exploration.unknown = 1;
  exploration.pruned = 0;
  exploration.failures = {lost_update(), killed_before_the_session()};
  return exploration;
}

}  // namespace report::testing
