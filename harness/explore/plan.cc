#include "harness/explore/plan.h"

#include <nlohmann/json.hpp>

// Values as JSON objects by their members' names. What is missing keeps its default.
namespace report {

NLOHMANN_JSON_SERIALIZE_ENUM(Verdict, {{Verdict::kUnknown, "unknown"},
                                       {Verdict::kPass, "pass"},
                                       {Verdict::kFail, "fail"},
                                       {Verdict::kNotApplicable, "not-applicable"},
                                       {Verdict::kKnown, "known"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Violation, summary, agent, operations, fault,
                                                registry_before, registry_after, fingerprint)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(InvariantResult, id, verdict, checked, evidence,
                                                violations, violations_total, fingerprints)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ScheduleStep, task, operation, program, act, call,
                                                kind, file, file2, bytes, result, registry,
                                                preemption, begin_us, end_us)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ScheduledOperation, label, words, outcome, reply)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ScheduleSize, operations, preemptions, faults,
                                                steps)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(FailingSchedule, found_by, found_after_s,
                                                operations, steps, broken, deadlock, found, shrunk,
                                                replays, replays_same, departed, file)

}  // namespace report

namespace stress {

NLOHMANN_JSON_SERIALIZE_ENUM(Act, {{Act::kRun, "run"},
                                   {Act::kCrash, "crash"},
                                   {Act::kCrashWithDescendants, "crash-with-descendants"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Candidate, task, operation, turn, key, state,
                                                yields, lock, asks_after)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Mortal, operation, has_descendants, is_heard,
                                                shares_files, standing, locks, state)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Decision, act, who)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Stretch, decision, steps)

/// -1: nobody ran last who could go on.
static void to_json(nlohmann::json& to, const Moment& moment) {
  to = {{"step", moment.step},
        {"candidates", moment.candidates},
        {"mortals", moment.mortals},
        {"last", moment.last ? static_cast<int>(*moment.last) : -1},
        {"turn", moment.turn},
        {"held_up", moment.held_up},
        {"forced", moment.forced},
        {"traceless", moment.traceless},
        {"traceless_once_dead", moment.traceless_once_dead}};
}

static void from_json(const nlohmann::json& from, Moment& moment) {
  from.at("step").get_to(moment.step);
  from.at("candidates").get_to(moment.candidates);
  from.at("mortals").get_to(moment.mortals);
  const int last = from.at("last").get<int>();
  if (last >= 0) moment.last = static_cast<std::size_t>(last);
  from.at("turn").get_to(moment.turn);
  from.at("held_up").get_to(moment.held_up);
  from.at("forced").get_to(moment.forced);
  from.at("traceless").get_to(moment.traceless);
  from.at("traceless_once_dead").get_to(moment.traceless_once_dead);
}

namespace {

using nlohmann::json;

std::string line_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

template <class T>
base::Result<T> parse(const std::string& line, const char* what) {
  try {
    return json::parse(line).get<T>();
  } catch (const json::exception& error) {
    return base::fail(base::Errc::kInvalid, "{} cannot be read: {}", what, error.what());
  }
}

}  // namespace

NLOHMANN_JSON_SERIALIZE_ENUM(SchedulePlan::Kind, {{SchedulePlan::Kind::kRandom, "random"},
                                                  {SchedulePlan::Kind::kPct, "pct"},
                                                  {SchedulePlan::Kind::kPrefix, "prefix"},
                                                  {SchedulePlan::Kind::kScript, "script"},
                                                  {SchedulePlan::Kind::kReplay, "replay"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Scene, target, sessions, ops, agents_at_once,
                                                begin_in_order, prepared, types, seed, folder,
                                                explorer)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SchedulePlan, id, kind, seed, crashes_max, depth,
                                                range, decisions, trace, script, without, moments,
                                                story)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ScheduleResult, id, verdict, reason, departed,
                                                broken, judged, decisions, trace, moments, met,
                                                known, preemptions, crashes, tasks, seconds,
                                                blind_spots, story)

std::string encode(const Scene& scene) { return line_of(scene); }
std::string encode(const SchedulePlan& plan) { return line_of(plan); }
std::string encode(const ScheduleResult& result) { return line_of(result); }

base::Result<Scene> decode_scene(const std::string& line) { return parse<Scene>(line, "a scene"); }

base::Result<SchedulePlan> decode_plan(const std::string& line) {
  return parse<SchedulePlan>(line, "the plan of a schedule");
}

base::Result<ScheduleResult> decode_result(const std::string& line) {
  return parse<ScheduleResult>(line, "what an explorer says");
}

}  // namespace stress
