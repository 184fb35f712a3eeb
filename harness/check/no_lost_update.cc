#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "harness/check/field_tracks.h"
#include "harness/check/invariants.h"
#include "harness/check/register_judge.h"
#include "harness/check/run_index.h"
#include "harness/check/tally.h"

namespace stress {
namespace {

using check::count_of;
using check::FieldTracks;
using check::kAlways;
using check::PossibleWrite;
using check::quote;
using check::Register;
using check::ValueRun;
using check::WriteSet;

/// Judges one agent's registers. The target writes statuses of its own: a spawn's first ones, a
/// repair's and a kill's; every other value must have been asked for.
class AgentJudge {
 public:
  AgentJudge(const FieldTracks& tracks, const check::AgentTrack& agent, check::Tally& tally)
      : tracks_(tracks), agent_(agent), tally_(tally) {}

  void run() {
    for (std::size_t field = 0; field < tracks_.fields().size(); ++field) {
      const Register& reg = agent_.registers[field];
      if (field != FieldTracks::kStatus && !tracks_.is_observed(field)) continue;
      bool sound = true;
      for (std::size_t i = 0; i < reg.runs.size(); ++i) {
        const ValueRun& run = reg.runs[i];
        tally_.fact(run.last - run.first + 1);
        const ValueRun* previous = i == 0 ? nullptr : &reg.runs[i - 1];
        const bool explained = check_run(field, run, previous);
        sound = sound && explained;
      }
      if (sound && field != FieldTracks::kStatus) check_order(field);
    }
  }

 private:
  /// Reads at which something may have changed: the first, and the first after each reply.
  [[nodiscard]] std::vector<std::size_t> decisive_reads(const Register& reg,
                                                        const ValueRun& run) const {
    std::vector<std::size_t> reads{run.first};
    const Nanoseconds from = tracks_.read(run.first).begin;
    const Nanoseconds until = tracks_.read(run.last).begin;
    for (const check::Acknowledged* replies : {&reg.required, &agent_.kills}) {
      for (const Nanoseconds reply : replies->replies(from, until)) {
        reads.push_back(tracks_.first_read_after(reply));
      }
    }
    std::ranges::sort(reads);
    reads.erase(std::ranges::unique(reads).begin(), reads.end());
    return reads;
  }

  bool check_run(std::size_t field, const ValueRun& run, const ValueRun* previous) {
    const Register& reg = agent_.registers[field];
    const WriteSet writes = possible_writes(field, run.value);
    for (const std::size_t read : decisive_reads(reg, run)) {
      if (field == FieldTracks::kStatus && !check_kill(run, read, previous)) return false;
      if (!check_read(field, run, previous, writes, read)) return false;
    }
    return true;
  }

  /// Once a kill is acknowledged the status stays terminal.
  bool check_kill(const ValueRun& run, std::size_t read, const ValueRun* previous) {
    if (tracks_.terminal().empty() || tracks_.is_terminal(run.value)) return true;
    const Interval at = tracks_.read(read);
    const Operation* kill = agent_.kills.last_invoked_before(at.begin);
    if (kill == nullptr || kill->invoked <= tracks_.damage(at.end)) return true;
    tell(
        run, previous, at,
        fmt::format("Agent {} was killed by {}, acknowledged at {}, yet its status reads {} at {}.",
                    agent_.id, check::Story::name(*kill), tally_.story().when(*kill->completed),
                    quote(run.value), tally_.story().when(at.begin)));
    return false;
  }

  bool check_read(std::size_t field, const ValueRun& run, const ValueRun* previous,
                  const WriteSet& writes, std::size_t read) {
    const Interval at = tracks_.read(read);
    const Nanoseconds damage = tracks_.damage(at.end);
    const auto latest = writes.latest_end(at.end);
    if (!latest) {
      tell(run, previous, at, unwritten(field, run, writes, at));
      return false;
    }
    // A restored backup may bring back whatever was begun before the damage.
    const bool restorable = damage != kAlways && writes.latest_end(damage).has_value();
    const Nanoseconds end = restorable ? std::max(*latest, damage) : *latest;
    const Operation* over = agent_.registers[field].required.last_invoked_before(at.begin);
    if (over != nullptr && over->invoked > damage && over->invoked > end) {
      const std::string& name = tracks_.fields()[field];
      tell(run, previous, at,
           fmt::format(
               "Agent {} lost an update: {} set {} to {}, acknowledged at {}, but it reads {} "
               "at {}.",
               agent_.id, check::Story::name(*over), name, quote(over->writes.at(name)),
               tally_.story().when(*over->completed), quote(run.value),
               tally_.story().when(at.begin)));
      return false;
    }
    if (end >= not_before(field, run, previous, at, damage)) return true;
    tell(run, previous, at,
         fmt::format(
             "Agent {}: {} went back from {} to {} at {}, and no operation wrote that again.",
             agent_.id, tracks_.fields()[field], quote(previous->value), quote(run.value),
             tally_.story().when(at.begin)));
    return false;
  }

  /// A read of another value proves that this one's write took effect after that read began.
  [[nodiscard]] Nanoseconds not_before(std::size_t field, const ValueRun& run,
                                       const ValueRun* previous, const Interval& at,
                                       Nanoseconds damage) const {
    if (previous == nullptr) return kAlways;
    const Interval other = tracks_.read(previous->last);
    if (other.end >= at.begin || other.begin <= damage) return kAlways;
    // From starting to running the target may move on by itself at any time.
    const bool free = field == FieldTracks::kStatus && is_own(run.value) && is_own(previous->value);
    return free ? kAlways : other.begin;
  }

  std::string unwritten(std::size_t field, const ValueRun& run, const WriteSet& writes,
                        const Interval& at) {
    const std::string reads =
        fmt::format("Agent {}: {} reads {} at {}", agent_.id, tracks_.fields()[field],
                    quote(run.value), tally_.story().when(at.begin));
    if (!writes.all().empty() && writes.all().front().op != nullptr) {
      return fmt::format("{}, before {}, which writes that, was invoked.", reads,
                         check::Story::name(*writes.all().front().op));
    }
    const Operation* foreign = tracks_.writer_elsewhere(field, run.value, agent_.id);
    if (foreign != nullptr) {
      return fmt::format("{}, which {} wrote to agent {}.", reads, check::Story::name(*foreign),
                         foreign->agent);
    }
    return reads + ", which nobody wrote.";
  }

  void tell(const ValueRun& run, const ValueRun* previous, const Interval& at,
            std::string summary) {
    tally_.violation({.summary = std::move(summary),
                      .agent = std::string(agent_.id),
                      .at = at.end,
                      .before = previous == nullptr ? "" : check::render(*previous->record),
                      .after = check::render(*run.record)});
  }

  /// A non-terminal status that the target sets by itself.
  [[nodiscard]] bool is_own(std::string_view status) const {
    if (tracks_.is_terminal(status)) return false;
    return status == "starting" || status == "running" || !tracks_.is_asked(status) ||
           is_initial(FieldTracks::kStatus, status);
  }

  /// The first value seen, unless an operation may have written it by then.
  [[nodiscard]] bool is_initial(std::size_t field, std::string_view value) const {
    const Register& reg = agent_.registers[field];
    if (reg.runs.empty() || reg.runs.front().value != value) return false;
    const auto writes = reg.writes.find(value);
    return writes == reg.writes.end() || !writes->second.latest_end(first_seen().end);
  }

  [[nodiscard]] Interval first_seen() const { return tracks_.read(agent_.first_seen); }

  /// When the record's first values were written, at the latest.
  [[nodiscard]] Nanoseconds created() const {
    const Nanoseconds seen = first_seen().end;
    return agent_.spawn == nullptr ? seen : std::min(seen, *agent_.spawn->completed);
  }

  [[nodiscard]] WriteSet possible_writes(std::size_t field, std::string_view value) const {
    const Register& reg = agent_.registers[field];
    const auto asked = reg.writes.find(value);
    WriteSet writes = asked == reg.writes.end() ? WriteSet{} : asked->second;
    if (field == FieldTracks::kStatus) {
      add_own_statuses(writes, value);
    } else if (is_initial(field, value) && !tracks_.names_its_writer(field, value)) {
      writes.add({.end = created()});
    }
    writes.sort();
    return writes;
  }

  void add_own_statuses(WriteSet& writes, std::string_view value) const {
    const bool asked = tracks_.is_asked(value);
    const bool terminal = tracks_.is_terminal(value);
    if (terminal && (!asked || value == "failed" || value == "terminated")) writes.add({});
    if (terminal || !asked || value == "stopping") {
      for (const PossibleWrite& kill : agent_.kill_writes) writes.add(kill);
    }
    if (terminal) {
      if (const auto since = tracks_.ended_since(agent_.id)) writes.add({.begin = *since});
    } else if (is_own(value)) {
      writes.add({.end = tracks_.spawn_writes_until(agent_)});
      for (const Interval& repair : tracks_.repairs()) writes.add({repair.begin, repair.end});
    }
  }

  /// The exact decision where all values differ.
  void check_order(std::size_t field) {
    const Register& reg = agent_.registers[field];
    if (tracks_.damaged() || reg.writes.empty() || reg.runs.empty()) return;
    std::map<std::string_view, check::Cluster> clusters;
    const auto join = [&clusters](std::string_view value, Nanoseconds end, Nanoseconds begin) {
      check::Cluster& cluster = clusters.try_emplace(value, check::Cluster{value}).first->second;
      cluster.min_end = std::min(cluster.min_end, end);
      cluster.max_begin = std::max(cluster.max_begin, begin);
    };
    for (const ValueRun& run : reg.runs) {
      join(run.value, tracks_.read(run.first).end, tracks_.read(run.last).begin);
    }
    // Where it is not known how the agent began, it may have begun with any value but one that
    // names its writer.
    const bool beginning_known = is_initial(field, reg.runs.front().value);
    for (const auto& [value, writes] : reg.writes) {
      const PossibleWrite& write = writes.all().front();
      if (writes.all().size() > 1 || is_initial(field, value)) return;
      if (!beginning_known && !tracks_.names_its_writer(field, value)) return;
      const bool required = write.op->outcome == OpOutcome::kOk;
      if (required || clusters.contains(value)) join(value, write.end, write.begin);
    }
    if (beginning_known) {
      join(reg.runs.front().value, created(), kAlways);
    }
    std::vector<check::Cluster> list;
    list.reserve(clusters.size());
    for (const auto& [value, cluster] : clusters) list.push_back(cluster);
    const auto contradiction = check::unique_order(std::move(list));
    if (!contradiction) return;
    const ValueRun& last = reg.runs.back();
    tell(last, &reg.runs.front(), tracks_.read(last.last),
         fmt::format(
             "Agent {}: no order of its operations explains what {} read: {} and {} would each "
             "have to come before the other.",
             agent_.id, tracks_.fields()[field], quote(contradiction->a.value),
             quote(contradiction->b.value)));
  }

  const FieldTracks& tracks_;
  const check::AgentTrack& agent_;
  check::Tally& tally_;
};

/// Versions of records and the registry's generation never fall.
class Monotone {
 public:
  Monotone(const Evidence& evidence, check::Tally& tally) : damage_(evidence), tally_(tally) {}

  void read(const Snapshot& snapshot) {
    if (snapshot.generation) {
      observe("", *snapshot.generation, snapshot, nullptr);
    }
    for (const ObservedAgent& agent : snapshot.changed) {
      if (agent.version) observe(agent.id, *agent.version, snapshot, &agent);
    }
  }

 private:
  struct Highest {
    std::uint64_t number = 0;
    Interval at;
    const ObservedAgent* record = nullptr;
    bool told = false;
  };

  void observe(std::string_view id, std::uint64_t number, const Snapshot& snapshot,
               const ObservedAgent* record) {
    tally_.fact();
    const auto [place, fresh] = highest_.try_emplace(id);
    Highest& highest = place->second;
    const bool thrown_back = damage_.last_until(snapshot.at.end) >= highest.at.begin;
    if (fresh || number > highest.number || (number < highest.number && thrown_back)) {
      highest = {number, snapshot.at, record, highest.told};
      return;
    }
    if (number == highest.number || highest.at.end >= snapshot.at.begin || highest.told) return;
    highest.told = true;
    const std::string whose =
        id.empty() ? "The registry's generation" : fmt::format("Agent {}: its version", id);
    tally_.violation(
        {.summary = fmt::format("{} fell from {}, read at {}, to {}, read at {}.", whose,
                                highest.number, tally_.story().when(highest.at.begin), number,
                                tally_.story().when(snapshot.at.begin)),
         .agent = std::string(id),
         .at = snapshot.at.end,
         .before = highest.record == nullptr ? "" : check::render(*highest.record),
         .after = record == nullptr ? "" : check::render(*record)});
  }

  check::DamageTimes damage_;
  check::Tally& tally_;
  std::unordered_map<std::string_view, Highest> highest_;
};

}  // namespace

report::InvariantResult check_no_lost_update(const Evidence& evidence) {
  check::Tally tally(evidence, "no-lost-update");
  const FieldTracks tracks(evidence);
  for (const check::AgentTrack& agent : tracks.agents()) AgentJudge(tracks, agent, tally).run();
  Monotone monotone(evidence, tally);
  for (const Snapshot& snapshot : evidence.snapshots) {
    if (snapshot.readable) monotone.read(snapshot);
  }
  if (tracks.reads() == 0) tally.missing("no snapshot of the registry");
  return std::move(tally).finish(
      fmt::format("{} over {}: {} and {} acknowledged, {} of unknown outcome",
                  count_of(tracks.agents().size(), "agent"), count_of(tracks.reads(), "snapshot"),
                  count_of(tracks.updates_acknowledged(), "update"),
                  count_of(tracks.kills_acknowledged(), "kill"), tracks.of_unknown_outcome()));
}

}  // namespace stress
