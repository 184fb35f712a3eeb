#include "harness/campaign/rehearsal.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/campaign/agent_lives.h"
#include "harness/campaign/poll.h"
#include "harness/campaign/tree_digest.h"

namespace stress {
namespace {

using namespace std::chrono_literals;
using Kind = RehearsalLine::Kind;

constexpr auto kPatience = 10s;

class Rehearsal {
 public:
  explicit Rehearsal(Stage& stage)
      : stage_(stage),
        target_(stage.target()),
        facts_(target_.facts()),
        offers_(target_.offers()) {}

  std::vector<RehearsalLine> run() {
    if (!spawn()) return std::move(lines_);
    if (registry()) {
      session();
      birth();
      counts();
    }
    if (offers_.list) list();
    if (!offers_.update_fields.empty()) update();
    if (offers_.validate) validate();
    if (facts_.has_repair) repair();
    if (offers_.kill) kill();
    return std::move(lines_);
  }

 private:
  void say(Kind kind, std::string step, std::string text) {
    lines_.push_back({kind, std::move(step), std::move(text)});
  }
  void judge(bool good, std::string step, std::string text) {
    say(good ? Kind::kGood : Kind::kBad, std::move(step), std::move(text));
  }

  bool spawn() {
    const Reply reply = target_.spawn({.task = target_.tasks().front(), .type = "worker0"});
    agent_ = reply.agent;
    const bool done = reply.outcome == OpOutcome::kOk;
    judge(done, "spawn",
          done ? fmt::format("acknowledged, the agent is {}", agent_)
               : fmt::format("{}: {}", reply.outcome == OpOutcome::kRefused ? "refused" : "failed",
                             reply.error));
    return done;
  }

  const ObservedAgent* look() {
    seen_ = target_.observer().observe();
    stage_.names().learn(seen_);
    const auto found = std::ranges::find(seen_.agents, agent_, &ObservedAgent::id);
    return found == seen_.agents.end() ? nullptr : &*found;
  }

  bool registry() {
    const ObservedAgent* record = look();
    if (record == nullptr) {
      std::vector<std::string> ids;
      ids.reserve(seen_.agents.size());
      for (const ObservedAgent& agent : seen_.agents) ids.push_back(agent.id);
      judge(false, "registry",
            seen_.readable
                ? fmt::format("{} is not in it; there are: {}", agent_,
                              ids.empty() ? "no agents" : fmt::format("{}", fmt::join(ids, ", ")))
                : fmt::format("not readable: {}", seen_.error));
      return false;
    }
    judge(true, "registry",
          fmt::format("{} agents; {} reads: {}", seen_.agents.size(), agent_, fields_of(*record)));
    const bool active = facts_.active.contains(record->status);
    judge(active, "status",
          active ? fmt::format("'{}' counts as active", record->status)
                 : fmt::format("'{}' is not among the active ones: {}", record->status,
                               fmt::join(facts_.active, ", ")));
    if (const std::string missing = missing_fields(*record); !missing.empty()) {
      say(Kind::kNote, "registry", "nothing stands at " + missing);
    }
    return true;
  }

  static std::string fields_of(const ObservedAgent& record) {
    std::string text = "status " + record.status;
    for (const auto& [name, value] :
         {std::pair<const char*, const std::string*>{"type", &record.type},
          {"task", &record.task},
          {"parent", &record.parent},
          {"session", &record.session},
          {"created", &record.created}}) {
      if (!value->empty()) text += fmt::format(", {} {}", name, *value);
    }
    if (record.depth) text += fmt::format(", depth {}", *record.depth);
    if (record.version) text += fmt::format(", version {}", *record.version);
    if (record.pid) text += fmt::format(", pid {}", *record.pid);
    for (const auto& [name, value] : record.fields) text += fmt::format(", {} '{}'", name, value);
    return text;
  }

  /// Places that the file names and the record does not have.
  [[nodiscard]] std::string missing_fields(const ObservedAgent& record) const {
    const ObservationMap& map = target_.observer().map();
    std::vector<std::string> missing;
    const auto note = [&](const std::string& pointer, bool there) {
      if (!pointer.empty() && !there) missing.push_back(pointer);
    };
    note(map.type, !record.type.empty());
    note(map.task, !record.task.empty());
    note(map.session, !record.session.empty());
    note(map.created, !record.created.empty());
    note(map.depth, record.depth.has_value());
    note(map.version, record.version.has_value());
    note(map.pid, record.pid.has_value());
    for (const auto& [name, pointer] : map.fields) note(pointer, record.fields.contains(name));
    return fmt::format("{}", fmt::join(missing, ", "));
  }

  void session() {
    if (facts_.sessions == "none") return;
    ObservedSession mine;
    SessionsView view;
    const bool there = poll_until(kPatience, [&] {
      view = stage_.probe().look();
      const auto found = std::ranges::find(view.sessions, agent_, &ObservedSession::agent);
      if (found == view.sessions.end()) return false;
      mine = *found;
      return mine.alive;
    });
    if (there) {
      judge(true, "session", fmt::format("{} (process {}) is {}'s", mine.name, mine.pid, agent_));
      return;
    }
    if (!mine.name.empty()) {
      judge(false, "session",
            fmt::format("{} is {}'s, but no stand-in agent runs in it: does it "
                        "start one of \"agent_binaries\"?",
                        mine.name, agent_));
      return;
    }
    std::vector<std::string> names;
    names.reserve(view.sessions.size());
    for (const ObservedSession& other : view.sessions) names.push_back(other.name);
    judge(false, "session",
          !view.answered
              ? "the host does not answer"
              : fmt::format("none for {}; there are: {}", agent_,
                            names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
  }

  void birth() {
    if (!facts_.agents_report) {
      say(Kind::kNote, "agent", "its agents are no stand-ins that could tell their birth");
      return;
    }
    std::set<std::string> born;
    std::string trouble;
    const bool told = poll_until(kPatience, [&] {
      const auto lives = read_agent_lives(stage_.place().agent_log, stage_.names());
      if (!lives) trouble = lives.error().message;
      if (!lives) return false;
      for (const AgentLife& life : *lives) born.insert(life.agent);
      return born.contains(agent_);
    });
    judge(told, "agent",
          told               ? fmt::format("a stand-in was born and calls itself {}", agent_)
          : !trouble.empty() ? trouble
          : born.empty()
              ? std::string("no stand-in was born: does it start one of \"agent_binaries\"?")
              : fmt::format("a stand-in was born, but as '{}': see \"agent_id\"",
                            fmt::join(born, "', '")));
  }

  void counts() {
    if (!facts_.has_counts) return;
    const auto text = [](const std::optional<std::int64_t>& count) {
      return count ? fmt::format("{}", *count) : std::string("nothing");
    };
    const StoredCounts& stored = seen_.counts;
    std::int64_t active = 0;
    for (const ObservedAgent& agent : seen_.agents) active += facts_.active.contains(agent.status);
    const bool match = stored.active.value_or(active) == active;
    judge(match, "counts",
          fmt::format("total {}, active {}, completed {}; {} agents are active", text(stored.total),
                      text(stored.active), text(stored.completed), active));
  }

  void list() {
    const Reply reply = target_.list();
    const bool told = std::ranges::find(reply.seen, agent_) != reply.seen.end();
    judge(reply.outcome == OpOutcome::kOk && told, "list",
          reply.outcome != OpOutcome::kOk ? "failed: " + reply.error
          : told ? fmt::format("{} ids, {} among them", reply.seen.size(), agent_)
                 : fmt::format("{} is missing in: {}", agent_, fmt::join(reply.seen, ", ")));
  }

  void update() {
    std::map<std::string, std::string> writes;
    for (const std::string& field : offers_.update_fields) {
      writes[field] = field == "progress" ? "42" : field == "message" ? "op-1" : "";
    }
    if (writes.contains("status")) writes["status"] = offers_.statuses.front();
    const Reply reply = target_.update(agent_, writes);
    if (reply.outcome != OpOutcome::kOk) {
      judge(false, "update", "failed: " + reply.error);
      return;
    }
    const ObservedAgent* record = look();
    std::string wrong;
    std::string unseen;
    for (const auto& [field, value] : writes) {
      const bool is_status = field == "status";
      if (!is_status && !target_.observer().map().fields.contains(field)) {
        unseen += " " + field;
        continue;
      }
      std::string now;
      if (record != nullptr && is_status) now = record->status;
      if (record != nullptr && record->fields.contains(field)) now = record->fields.at(field);
      if (now != value) wrong += fmt::format(" {} reads '{}' instead of '{}'", field, now, value);
    }
    judge(wrong.empty(), "update",
          wrong.empty() ? "acknowledged, and stands in the registry" : "acknowledged, but" + wrong);
    if (!unseen.empty()) {
      say(Kind::kNote, "update", "no pointer in \"observe\" shows what was written:" + unseen);
    }
  }

  /// What changed in the workspace meanwhile, logs aside.
  std::vector<std::string> changed_by(const auto& action) {
    const auto logs = target_.declared_logs();
    const TreeDigest before = digest_tree(stage_.place().workspace, logs);
    action();
    return difference(before, digest_tree(stage_.place().workspace, logs));
  }

  void validate() {
    Reply reply;
    const auto changed = changed_by([&] { reply = target_.validate(); });
    const bool good = reply.outcome == OpOutcome::kOk && changed.empty();
    judge(good, "validate",
          reply.outcome != OpOutcome::kOk ? "failed: " + reply.error
          : good
              ? std::string("acknowledged, and changed nothing")
              : fmt::format("changed {} (a log? name it in \"logs\")", fmt::join(changed, ", ")));
  }

  void repair() {
    for (const bool dry_run : {true, false}) {
      if (dry_run && !facts_.has_dry_run) continue;
      RepairReply reply;
      const auto changed = changed_by([&] { reply = target_.repair(dry_run); });
      const char* step = dry_run ? "dry run" : "repair";
      if (!reply.ok) {
        judge(false, step, "failed: " + reply.error);
        continue;
      }
      const std::string count =
          reply.reported ? fmt::format("reports {}", *reply.reported) : "reports no number";
      judge(changed.empty() || !dry_run, step,
            changed.empty() ? fmt::format("{}, and changed nothing", count)
                            : fmt::format("{}, and changed {}", count, fmt::join(changed, ", ")));
    }
  }

  void kill() {
    const Reply reply = target_.kill(agent_);
    if (reply.outcome != OpOutcome::kOk) {
      judge(false, "kill", "failed: " + reply.error);
      return;
    }
    const ObservedAgent* record = look();
    const std::string now = record == nullptr ? "has no record" : "is '" + record->status + "'";
    const bool ended =
        record == nullptr ? facts_.removes_records : !facts_.active.contains(record->status);
    judge(ended, "kill", fmt::format("acknowledged, and {} {}", agent_, now));
  }

  Stage& stage_;
  Target& target_;
  TargetFacts facts_;
  TargetOffers offers_;
  std::string agent_;
  Observation seen_;
  std::vector<RehearsalLine> lines_;
};

}  // namespace

std::vector<RehearsalLine> rehearse(Stage& stage) { return Rehearsal(stage).run(); }

}  // namespace stress
