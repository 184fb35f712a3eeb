#include "harness/explore/telling.h"

#include <algorithm>
#include <set>

#include "harness/check/story.h"

namespace stress {
namespace {

constexpr double kNanosecondsPerMicrosecond = 1000;

/// Of calls that look into the registry, or change it.
bool tells_registry(const Step& step) {
  return step.changes || step.call.kind == "read" || step.call.kind == "open";
}

report::ScheduleStep tell_step(const Step& step, std::int64_t start, const std::string& registry) {
  report::ScheduleStep told;
  const bool runs = step.decision.act == Act::kRun;
  told.task = step.decision.who;
  told.operation = step.operation;
  told.program = step.program;
  told.act = !runs ? "crash" : is_harness_word(step.call.kind) ? step.call.kind : "run";
  told.call = step.call.words;
  told.kind = runs ? step.call.kind : "";
  told.file = step.call.file;
  told.file2 = step.call.file2;
  told.bytes = step.bytes;
  told.result = step.result;
  if (tells_registry(step)) told.registry = registry;
  told.preemption = is_preemption(step.moment, step.decision);
  told.begin_us = static_cast<double>(step.begin - start) / kNanosecondsPerMicrosecond;
  told.end_us = static_cast<double>(step.end - start) / kNanosecondsPerMicrosecond;
  return told;
}

report::ScheduledOperation tell_operation(const SceneOperation& operation) {
  report::ScheduledOperation told;
  told.label = operation.label;
  told.words = operation.words;
  if (operation.is_harness()) return told;
  if (operation.op.died) {
    told.outcome = "killed";
  } else if (!operation.op.completed) {
    told.outcome = "stuck";
  } else {
    told.outcome = check::to_string(operation.op.outcome);
  }
  told.reply = operation.op.outcome == OpOutcome::kOk ? operation.op.agent : operation.op.error;
  return told;
}

}  // namespace

int count_tasks(const std::vector<Step>& steps) {
  std::set<std::string> tasks;
  for (const Step& step : steps) {
    if (step.decision.act == Act::kRun) tasks.insert(step.decision.who);
  }
  return static_cast<int>(tasks.size());
}

report::FailingSchedule tell(const Scheduler& scheduler,
                             const std::vector<SceneOperation>& operations,
                             const std::vector<std::string>& registry) {
  report::FailingSchedule told;
  const std::vector<Step>& steps = scheduler.steps();
  for (const SceneOperation& operation : operations) {
    told.operations.push_back(tell_operation(operation));
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::string held = i < registry.size() ? registry[i] : std::string();
    told.steps.push_back(tell_step(steps[i], steps.front().begin, held));
  }
  told.deadlock = scheduler.deadlock();
  return told;
}

}  // namespace stress
