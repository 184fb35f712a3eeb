#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/model/exploration.h"
#include "reports/writers/json_values.h"
#include "reports/writers/story_steps.h"
#include "reports/writers/story_words.h"
#include "reports/writers/writers.h"

namespace report {
namespace {

using Json = nlohmann::ordered_json;

/// The Trace Event Format of Chrome and Perfetto, as a JSON object: complete events ("X") for
/// steps, metadata ("M") for names, instants ("i") for faults, flows ("s", "f") for switches. An
/// operation is a process there, a task a thread. Numbers of processes and threads are the trace's
/// own.
class Trace {
 public:
  explicit Trace(const FailingSchedule& schedule) : schedule_(schedule) {
    for (const ScheduledOperation& operation : schedule.operations) {
      const std::string words = operation.words.empty() ? "" : ": " + operation.words;
      name_process(operation.label, operation.label + words);
    }
  }

  Json take() {
    const auto& steps = schedule_.steps;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].act == "run") {
        add_step(i);
      } else {
        add_fault(steps[i]);
      }
    }
    return {{"traceEvents", std::move(events_)}, {"displayTimeUnit", "ms"}};
  }

 private:
  int name_process(const std::string& operation, const std::string& name) {
    const auto [entry, fresh] =
        processes_.try_emplace(operation, static_cast<int>(processes_.size()) + 1);
    if (fresh) add_metadata("process", entry->second, 0, name);
    return entry->second;
  }

  /// Of a process for all that an operation started, and of a thread for each task.
  Json place_of(const ScheduleStep& step) {
    const int pid =
        name_process(step.operation, step.operation.empty() ? "harness" : step.operation);
    const auto key = std::pair(step.operation, step.task);
    const auto [entry, fresh] = threads_.try_emplace(key, static_cast<int>(threads_.size()) + 1);
    if (fresh) {
      const std::string task = step.task.empty() ? "harness" : step.task;
      const std::string program = step.program.empty() ? "" : " " + step.program;
      add_metadata("thread", pid, entry->second, task + program);
    }
    return {{"pid", pid}, {"tid", entry->second}};
  }

  void add_metadata(const std::string& of, int pid, int tid, const std::string& name) {
    const int order = tid == 0 ? pid : tid;
    for (const auto& [event, args] : {std::pair(of + "_name", Json{{"name", name}}),
                                      std::pair(of + "_sort_index", Json{{"sort_index", order}})}) {
      events_.push_back(
          {{"name", event}, {"ph", "M"}, {"ts", 0}, {"pid", pid}, {"tid", tid}, {"args", args}});
    }
  }

  static Json args_of(const ScheduleStep& step) {
    Json args = {{"call", step.call}};
    const auto add = [&args](const char* name, const std::string& value) {
      if (!value.empty()) args[name] = value;
    };
    add("kind", step.kind);
    add("file", step.file);
    add("file2", step.file2);
    if (step.bytes > 0) args["bytes"] = step.bytes;
    add("result", step.result);
    add("registry", step.registry);
    args["preemption"] = step.preemption;
    return args;
  }

  Json event(const ScheduleStep& step, const std::string& name, const char* category,
             const char* phase, double us) {
    Json event = {{"name", name}, {"cat", category}, {"ph", phase}, {"ts", finite(us)}};
    event.update(place_of(step));
    return event;
  }

  /// Slices of one track must not overlap: a step ends where its task's next one begins.
  [[nodiscard]] double duration_of(std::size_t i) const {
    const auto& steps = schedule_.steps;
    double end = finite(steps[i].end_us);
    for (std::size_t next = i + 1; next < steps.size(); ++next) {
      if (steps[next].task != steps[i].task) continue;
      end = std::min(end, finite(steps[next].begin_us));
      break;
    }
    return std::max(0.0, end - finite(steps[i].begin_us));
  }

  void add_step(std::size_t i) {
    const ScheduleStep& step = schedule_.steps[i];
    Json complete = event(step, infinitive(step), "step", "X", step.begin_us);
    complete["dur"] = duration_of(i);
    complete["args"] = args_of(step);
    events_.push_back(std::move(complete));
    const ScheduleStep* before = std::exchange(ran_, &step);
    if (before != nullptr && before->task != step.task) add_switch(*before, step);
  }

  /// An arrow between two steps. Its ends are bound to the slices that enclose them.
  void add_switch(const ScheduleStep& from, const ScheduleStep& to) {
    const char* name = to.preemption ? "preemption" : "switch";
    const int id = ++switches_;
    Json start = event(from, name, "schedule", "s", from.begin_us);
    start["id"] = id;
    Json finish = event(to, name, "schedule", "f", to.begin_us);
    finish["id"] = id;
    finish["bp"] = "e";
    events_.push_back(std::move(start));
    events_.push_back(std::move(finish));
  }

  void add_fault(const ScheduleStep& step) {
    const std::string what = step.act == "crash" ? killed_before(step) : step.result;
    const std::string at = what.empty() ? "" : ": " + what;
    Json instant = event(step, step.act + at, "fault", "i", step.begin_us);
    instant["s"] = "g";  // a line through all tracks
    instant["args"] = args_of(step);
    events_.push_back(std::move(instant));
  }

  const FailingSchedule& schedule_;
  Json events_ = Json::array();
  std::map<std::string, int> processes_;
  std::map<std::pair<std::string, std::string>, int> threads_;
  const ScheduleStep* ran_ = nullptr;
  int switches_ = 0;
};

}  // namespace

std::string to_chrome_trace(const FailingSchedule& schedule) {
  return Trace(for_story(schedule)).take().dump(1, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

}  // namespace report
