#include <nlohmann/json.hpp>

#include "reports/model/exploration.h"
#include "reports/writers/json_reader.h"
#include "reports/writers/json_values.h"
#include "reports/writers/writers.h"

namespace report {

using Json = nlohmann::ordered_json;

Json to_json_value(const ScheduleSize& size) {
  return {{"operations", size.operations},
          {"preemptions", size.preemptions},
          {"faults", size.faults},
          {"steps", size.steps}};
}

namespace {

Json to_json_value(const ScheduledOperation& operation) {
  return {{"label", operation.label},
          {"words", operation.words},
          {"outcome", operation.outcome},
          {"reply", operation.reply}};
}

Json to_json_value(const ScheduleStep& step) {
  return {{"task", step.task},
          {"operation", step.operation},
          {"program", step.program},
          {"act", step.act},
          {"call", step.call},
          {"kind", step.kind},
          {"file", step.file},
          {"file2", step.file2},
          {"bytes", step.bytes},
          {"result", step.result},
          {"registry", step.registry},
          {"preemption", step.preemption},
          {"begin_us", finite(step.begin_us)},
          {"end_us", finite(step.end_us)}};
}

Json to_json_value(const FailingSchedule& schedule);

template <class T>
Json to_json_values(const std::vector<T>& values) {
  Json array = Json::array();
  for (const T& value : values) array.push_back(to_json_value(value));
  return array;
}

Json to_json_value(const FailingSchedule& schedule) {
  return {{"found_by", schedule.found_by},
          {"found_after_s", finite(schedule.found_after_s)},
          {"operations", to_json_values(schedule.operations)},
          {"steps", to_json_values(schedule.steps)},
          {"broken", to_json_values(schedule.broken)},
          {"deadlock", schedule.deadlock},
          {"found", to_json_value(schedule.found)},
          {"shrunk", to_json_value(schedule.shrunk)},
          {"replays", schedule.replays},
          {"replays_same", schedule.replays_same},
          {"departed", schedule.departed},
          {"file", schedule.file}};
}

void read_operation(Reader& reader, ScheduledOperation& operation) {
  reader.text("label", operation.label);
  reader.text("words", operation.words);
  reader.text("outcome", operation.outcome);
  reader.text("reply", operation.reply);
}

void read_step(Reader& reader, ScheduleStep& step) {
  reader.text("task", step.task);
  reader.text("operation", step.operation);
  reader.text("program", step.program);
  reader.text("act", step.act);
  reader.text("call", step.call);
  reader.text("kind", step.kind);
  reader.text("file", step.file);
  reader.text("file2", step.file2);
  reader.number("bytes", step.bytes);
  reader.text("result", step.result);
  reader.text("registry", step.registry);
  reader.flag("preemption", step.preemption);
  reader.number("begin_us", step.begin_us);
  reader.number("end_us", step.end_us);
}

void read_size(Reader& reader, ScheduleSize& size) {
  reader.number("operations", size.operations);
  reader.number("preemptions", size.preemptions);
  reader.number("faults", size.faults);
  reader.number("steps", size.steps);
}

void read_schedule(Reader& reader, FailingSchedule& schedule) {
  reader.text("found_by", schedule.found_by);
  reader.number("found_after_s", schedule.found_after_s);
  reader.objects("operations", schedule.operations, read_operation);
  reader.objects("steps", schedule.steps, read_step);
  reader.objects("broken", schedule.broken, read_invariant);
  reader.texts("deadlock", schedule.deadlock);
  reader.object("found", [&](Reader& size) { read_size(size, schedule.found); });
  reader.object("shrunk", [&](Reader& size) { read_size(size, schedule.shrunk); });
  reader.number("replays", schedule.replays);
  reader.number("replays_same", schedule.replays_same);
  reader.text("departed", schedule.departed);
  reader.text("file", schedule.file);
}

void read_exploration(Reader& reader, Exploration& read) {
  reader.text("version", read.version);
  reader.text("target", read.target);
  reader.texts("operations", read.operations);
  reader.text("sessions", read.sessions);
  reader.text("strategy", read.strategy);
  reader.number("seed", read.seed);
  reader.number("jobs", read.jobs);
  reader.number("crashes_max", read.crashes_max);
  reader.number("preemptions_max", read.preemptions_max);
  reader.texts("command", read.command);
  reader.text("started_at", read.started_at);
  reader.number("duration_s", read.duration_s);
  reader.verdict("verdict", read.verdict);
  reader.text("reason", read.reason);
  reader.text("reproducible", read.reproducible);
  reader.number("executed", read.executed);
  reader.number("pruned", read.pruned);
  reader.number("failing", read.failing);
  reader.number("unknown", read.unknown);
  reader.numbers("judged", read.judged);
  reader.number("tasks", read.tasks);
  reader.number("steps", read.steps);
  reader.flag("exhaustive", read.exhaustive);
  reader.text("coverage", read.coverage);
  reader.text("guarantee", read.guarantee);
  reader.objects("failures", read.failures, read_schedule);
  reader.texts("notes", read.notes);
}

}  // namespace

std::string to_json(const Exploration& exploration) {
  const Json json = {{"version", exploration.version},
                     {"target", exploration.target},
                     {"operations", exploration.operations},
                     {"sessions", exploration.sessions},
                     {"engine", "explore"},
                     {"strategy", exploration.strategy},
                     {"seed", exploration.seed},
                     {"jobs", exploration.jobs},
                     {"crashes_max", exploration.crashes_max},
                     {"preemptions_max", exploration.preemptions_max},
                     {"command", exploration.command},
                     {"started_at", exploration.started_at},
                     {"duration_s", finite(exploration.duration_s)},
                     {"verdict", to_string(exploration.verdict)},
                     {"reason", exploration.reason},
                     {"reproducible", exploration.reproducible},
                     {"executed", exploration.executed},
                     {"pruned", exploration.pruned},
                     {"failing", exploration.failing},
                     {"unknown", exploration.unknown},
                     {"judged", exploration.judged},
                     {"tasks", exploration.tasks},
                     {"steps", exploration.steps},
                     {"exhaustive", exploration.exhaustive},
                     {"coverage", exploration.coverage},
                     {"guarantee", exploration.guarantee},
                     {"failures", to_json_values(exploration.failures)},
                     {"notes", exploration.notes}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

bool from_json(const std::string& text, Exploration& exploration, std::string& error) {
  return read_whole(text, exploration, error, read_exploration);
}

}  // namespace report
