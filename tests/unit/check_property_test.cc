// Goal: the judges of snapshots raise no alarm on any correct concurrent run with crashes, and miss
// no impossible observation.
// Method: draw operations and reads with random intervals, give each a random moment inside its
// interval at which it takes effect (a crashed one perhaps later, perhaps never), play these
// moments in order on one atomic registry, and judge what the reads saw. Then change one
// observation into one that no order can explain, and judge again.
#include <algorithm>
#include <array>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/unit/check_matchers.h"
#include "tests/unit/evidence_builder.h"

namespace stress::testing {
namespace {

constexpr int kAgents = 3;
constexpr int kClients = 4;
constexpr std::array kStatuses = {"running", "working", "blocked"};

/// Numbers that play() makes one operation or one read of.
struct Step {
  int agent;
  int field;
  int gap;
  int length;
  int moment;
  int fate;  ///< 0: crashes without effect, 1: crashes, effect late, else acknowledged
  int value;
};

void showValue(const Step& step, std::ostream& os) {
  os << "{" << step.agent << "," << step.field << "," << step.gap << "," << step.length << ","
     << step.moment << "," << step.fate << "," << step.value << "}";
}

/// One whole read of the registry.
struct Read {
  Interval at;
  std::vector<ObservedAgent> agents;
};

struct Play {
  RunStory run;
  std::vector<Read> reads;
};

std::string id_of(int agent) { return "agent-" + std::to_string(agent); }

struct Effect {
  Nanoseconds at;
  const Operation* op;  // else a read
  std::size_t read = 0;
  std::string created_id;  // spawn
};

void apply(std::map<std::string, ObservedAgent>& registry, const Effect& effect) {
  if (effect.op->kind == OpKind::kSpawn) {
    ObservedAgent& agent = registry[effect.created_id];
    agent.id = effect.created_id;
    agent.status = "running";
    agent.task = "T";
    agent.type = "worker";
    agent.session = "agent_" + agent.id;
    agent.version = 1;
    agent.fields = {{"message", ""}, {"progress", "0"}};
    return;
  }
  ObservedAgent& agent = registry.at(effect.op->agent);
  for (const auto& [field, value] : effect.op->writes) {
    (field == "status" ? agent.status : agent.fields[field]) = value;
  }
  ++*agent.version;
}

Play play(const std::vector<Step>& operations, const std::vector<Step>& reads) {
  Play out;
  out.run.raw().operations.reserve(operations.size() + kAgents);
  std::vector<Effect> effects;
  std::array<Nanoseconds, kClients> clock{};
  // The first operation of each agent is its acknowledged spawn; the others know its id by then.
  for (int agent = 0; agent < kAgents; ++agent) {
    const Nanoseconds begin = Nanoseconds{3} * agent;
    Operation& spawn = out.run.spawn(id_of(agent), 0, 0);
    spawn.invoked = begin;
    spawn.completed = begin + 10;
    effects.push_back({begin + 4, &spawn, 0, id_of(agent)});
  }
  clock.fill(30);
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const Step& step = operations[i];
    Nanoseconds& now = clock[i % kClients];
    const Nanoseconds begin = now + step.gap;
    const Nanoseconds end = begin + step.length;
    now = end + 1;
    Operation& op = out.run.op(OpKind::kUpdate, id_of(step.agent), 0, std::nullopt);
    op.client = "p" + std::to_string(i % kClients) + ".t1";
    op.invoked = begin;
    const bool acknowledged = step.fate > 1;
    if (acknowledged) op.completed = end, op.outcome = OpOutcome::kOk;
    if (step.field == 0) op.writes["message"] = "op-" + std::to_string(op.id);
    if (step.field == 1) op.writes["progress"] = std::to_string(step.value);
    if (step.field == 2) op.writes["status"] = kStatuses[static_cast<std::size_t>(step.value) % 3];
    if (step.fate == 0) continue;
    const Nanoseconds late = acknowledged ? 0 : step.length * 5;
    effects.push_back({begin + step.moment % (step.length + 1) + late, &op, 0, ""});
  }
  Nanoseconds now = 0;
  for (const Step& step : reads) {
    const Nanoseconds begin = now + step.gap;
    const Nanoseconds end = begin + step.length;
    now = end + 1;
    effects.push_back({begin + step.moment % (step.length + 1), nullptr, out.reads.size(), ""});
    out.reads.push_back({{begin, end}, {}});
  }
  std::ranges::stable_sort(effects, {}, &Effect::at);
  std::map<std::string, ObservedAgent> registry;
  for (const Effect& effect : effects) {
    if (effect.op != nullptr) {
      apply(registry, effect);
      continue;
    }
    for (const auto& [id, agent] : registry) out.reads[effect.read].agents.push_back(agent);
  }
  return out;
}

Evidence evidence_of(const Play& play) {
  Evidence evidence = play.run.evidence();
  SnapshotDelta delta;
  for (const Read& read : play.reads) {
    Snapshot& snapshot = evidence.snapshots.emplace_back();
    snapshot.at = read.at;
    delta.fill(snapshot, read.agents);
    snapshot.counts.total = static_cast<std::int64_t>(read.agents.size());
  }
  return evidence;
}

rc::Gen<std::vector<Step>> steps() {
  using rc::gen::inRange;
  return rc::gen::container<std::vector<Step>>(rc::gen::build<Step>(
      rc::gen::set(&Step::agent, inRange(0, kAgents)), rc::gen::set(&Step::field, inRange(0, 3)),
      rc::gen::set(&Step::gap, inRange(1, 8)), rc::gen::set(&Step::length, inRange(1, 40)),
      rc::gen::set(&Step::moment, inRange(0, 40)), rc::gen::set(&Step::fate, inRange(0, 8)),
      rc::gen::set(&Step::value, inRange(0, 4))));
}

/// Reads that reach beyond the last reply, so that each acknowledged spawn is judged.
std::vector<Step> reads() {
  std::vector<Step> drawn = *steps();
  drawn.push_back({0, 0, 40 * 60, 5, 1, 9, 0});
  return drawn;
}

Play random_play() {
  const std::vector<Step> operations = *steps();
  return play(operations, reads());
}

RC_GTEST_PROP(JudgesOfSnapshots, RaiseNoAlarmOnACorrectRun, ()) {
  const Evidence evidence = evidence_of(random_play());
  for (const Invariant invariant :
       {check_registry_readable, check_unique_ids, check_acked_present, check_no_lost_update,
        check_counts_match, check_repair_harmless}) {
    const report::InvariantResult result = invariant(evidence);
    if (result.violations_total > 0 || result.checked == 0) RC_FAIL(explain(result));
  }
}

ObservedAgent* find_agent(Read& read, const std::string& id) {
  const auto found = std::ranges::find(read.agents, id, &ObservedAgent::id);
  return found == read.agents.end() ? nullptr : &*found;
}

/// All ways to make one read show a message that no order explains: a value from nowhere, one that
/// was written later, one that was overwritten before.
std::vector<std::pair<std::size_t, const Operation*>> impossible_messages(const Play& play) {
  std::vector<std::pair<std::size_t, const Operation*>> found;
  const auto& operations = play.run.evidence().operations;
  static std::vector<Operation> kept;  // what the result points into
  kept.assign(operations.begin(), operations.end());
  for (std::size_t i = 0; i < play.reads.size(); ++i) {
    const Interval at = play.reads[i].at;
    for (const Operation& stale : kept) {
      if (!stale.writes.contains("message")) continue;
      const bool future = stale.invoked > at.end;
      const bool overwritten =
          stale.completed && std::ranges::any_of(kept, [&](const Operation& w) {
            return w.agent == stale.agent && w.writes.contains("message") && w.completed &&
                   w.invoked > *stale.completed && *w.completed < at.begin;
          });
      if (future || overwritten) found.emplace_back(i, &stale);
    }
  }
  return found;
}

RC_GTEST_PROP(JudgesOfSnapshots, FindOneImpossibleMessage, ()) {
  Play played = random_play();
  const auto choices = impossible_messages(played);
  RC_PRE(!choices.empty());
  const auto [read, op] = choices[static_cast<std::size_t>(
      *rc::gen::inRange<int>(0, static_cast<int>(choices.size())))];
  const std::string agent_id = op->agent;
  ObservedAgent* agent = find_agent(played.reads[read], agent_id);
  const bool stands = agent != nullptr;
  RC_PRE(stands);
  agent->fields["message"] = op->writes.at("message");
  const auto result = check_no_lost_update(evidence_of(played));
  if (result.violations_total == 0 || result.violations.front().agent != agent_id) {
    RC_FAIL(explain(result));
  }
}

RC_GTEST_PROP(JudgesOfSnapshots, FindOneMessageFromNowhere, ()) {
  Play played = random_play();
  const bool written = std::ranges::any_of(played.run.raw().operations, [](const Operation& op) {
    return op.writes.contains("message");
  });
  RC_PRE(written);  // else the field is nobody's register
  const std::string id = id_of(*rc::gen::inRange(0, kAgents));
  // What is read first might be how the agent began.
  const bool known = played.reads.size() > 1 && find_agent(*std::prev(played.reads.end(), 2), id);
  RC_PRE(known);
  ObservedAgent* agent = find_agent(played.reads.back(), id);
  ASSERT_NE(agent, nullptr);
  agent->fields["message"] = "op-";
  const auto result = check_no_lost_update(evidence_of(played));
  if (result.violations_total == 0 || result.violations.front().agent != agent->id) {
    RC_FAIL(explain(result));
  }
}

RC_GTEST_PROP(JudgesOfSnapshots, FindOneAcknowledgedAgentMissing, ()) {
  Play played = random_play();
  std::vector<std::size_t> late;
  for (std::size_t i = 0; i < played.reads.size(); ++i) {
    if (played.reads[i].at.begin > 30) late.push_back(i);
  }
  const std::size_t read =
      late[static_cast<std::size_t>(*rc::gen::inRange<int>(0, static_cast<int>(late.size())))];
  const std::string id = id_of(*rc::gen::inRange(0, kAgents));
  std::erase_if(played.reads[read].agents, [&](const ObservedAgent& a) { return a.id == id; });
  EXPECT_THAT(check_acked_present(evidence_of(played)), FailsOnce(id, "is missing"));
}

RC_GTEST_PROP(JudgesOfSnapshots, FindOneVersionThatFell, ()) {
  Play played = random_play();
  Read& last = played.reads.back();
  ObservedAgent* agent = find_agent(last, id_of(0));
  ASSERT_NE(agent, nullptr);
  Read earlier = last;
  earlier.at = {last.at.end + 1, last.at.end + 2};
  find_agent(earlier, id_of(0))->version = 0;
  played.reads.push_back(earlier);
  EXPECT_THAT(check_no_lost_update(evidence_of(played)), FailsOnce(id_of(0), "its version fell"));
}

}  // namespace
}  // namespace stress::testing
