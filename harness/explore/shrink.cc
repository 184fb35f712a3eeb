#include "harness/explore/shrink.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace stress {
namespace {

using Script = std::vector<Stretch>;

struct Draft {
  Script script;
  std::vector<std::string> without;
};

/// The operation of a task: "A" of "A.1.2" and of "A/2".
std::string operation_of(const std::string& task) {
  return task.substr(0, task.find_first_of("./"));
}

/// Neighbours of one task are one stretch.
Script joined(const Script& script) {
  Script result;
  for (const Stretch& stretch : script) {
    if (stretch.steps == 0) continue;
    const bool same = !result.empty() && stretch.decision.act == Act::kRun &&
                      result.back().decision == stretch.decision;
    if (same) {
      result.back().steps += stretch.steps;
    } else {
      result.push_back(stretch);
    }
  }
  return result;
}

class Shrinker {
 public:
  Shrinker(const Failure& failure, Team& team, int runs_max, const std::function<bool()>& enough)
      : best_(failure), team_(team), runs_left_(runs_max), enough_(enough) {}

  base::Result<Failure> run() {
    best_.plan.kind = SchedulePlan::Kind::kScript;
    script_ = script_of(best_.result.decisions);
    if (const auto simpler = one_switch(); !simpler) return std::unexpected(simpler.error());
    if (base::Status done = take_away(); !done) return std::unexpected(done.error());
    best_.plan.kind = SchedulePlan::Kind::kReplay;
    best_.plan.decisions = best_.result.decisions;
    best_.plan.trace = best_.result.trace;
    best_.plan.script.clear();
    return std::move(best_);
  }

 private:
  using Cost = std::tuple<std::size_t, int, int, std::size_t, std::size_t>;
  static Cost cost_of(const SchedulePlan& plan, const ScheduleResult& result) {
    std::size_t steps_to_death = 0;
    for (std::size_t i = 0; i < result.decisions.size(); ++i) {
      if (result.decisions[i].act != Act::kRun) steps_to_death += i;
    }
    // More operations left out is less.
    return {~plan.without.size(), result.crashes, result.preemptions,
            script_of(result.decisions).size(), result.decisions.size() + steps_to_death};
  }

  [[nodiscard]] bool still_fails(const ScheduleResult& result) const {
    return result.verdict == report::Verdict::kFail &&
           (best_.invariants.empty() ||
            std::ranges::any_of(result.broken, [&](const report::InvariantResult& one) {
              return std::ranges::find(best_.invariants, one.id) != best_.invariants.end();
            }));
  }

  base::Status take_away() {
    bool smaller = true;
    while (smaller && runs_left_ > 0) {
      smaller = false;
      for (const auto step : {&Shrinker::without_operations, &Shrinker::without_deaths,
                              &Shrinker::cut_off, &Shrinker::without_stretches,
                              &Shrinker::shorter_stretches, &Shrinker::earlier_deaths}) {
        const base::Result<bool> better = (this->*step)();
        if (!better) return std::unexpected(better.error());
        smaller = smaller || *better;
      }
    }
    return {};
  }

  /// One operation up to somewhere, then another one as far as it goes.
  base::Result<bool> one_switch() {
    if (best_.result.preemptions < 2 || best_.result.crashes > 0) return false;
    std::map<std::string, std::uint64_t> steps;
    for (const Decision& decision : best_.result.decisions) ++steps[decision.who];
    std::vector<Draft> drafts;
    for (std::uint64_t until = 1; until < best_.result.decisions.size(); ++until) {
      for (const auto& [first, count] : steps) {
        for (const auto& [second, whole] : steps) {
          if (first == second || !is_operation(first) || !is_operation(second)) continue;
          if (until >= count) continue;
          drafts.push_back(
              {{{{Act::kRun, first}, until}, {{Act::kRun, second}, whole}}, best_.plan.without});
        }
      }
    }
    const std::vector<std::string> same = best_.invariants;
    if (best_.may_change) best_.invariants.clear();
    base::Result<bool> simpler = try_all(drafts);
    if (simpler && *simpler) {
      for (const auto& one : best_.result.broken) best_.invariants.push_back(one.id);
    } else {
      best_.invariants = same;
    }
    return simpler;
  }

  [[nodiscard]] bool is_operation(const std::string& task) const {
    return std::ranges::find(best_.operations, task) != best_.operations.end();
  }

  /// Takes the first of the drafts, in their order, that still fails and is smaller.
  base::Result<bool> try_all(const std::vector<Draft>& drafts) {
    const auto batch = static_cast<std::size_t>(std::max(1, team_.jobs()));
    for (std::size_t at = 0; at < drafts.size() && runs_left_ > 0; at += batch) {
      if (enough_()) runs_left_ = 0;
      if (runs_left_ == 0) break;
      std::vector<SchedulePlan> plans;
      for (std::size_t i = at; i < std::min(at + batch, drafts.size()); ++i) {
        SchedulePlan plan = best_.plan;
        plan.kind = SchedulePlan::Kind::kScript;
        plan.script = drafts[i].script;
        plan.without = drafts[i].without;
        plan.moments = false;
        plan.story = true;  // it may be the last one that there is time for
        plans.push_back(std::move(plan));
      }
      runs_left_ -= static_cast<int>(plans.size());
      auto results = team_.run_all(plans, [](const ScheduleResult&) { return false; });
      if (!results && enough_()) break;  // that ended it
      if (!results) return std::unexpected(results.error());
      for (std::size_t i = 0; i < plans.size(); ++i) {
        ScheduleResult& result = *(*results)[i];
        if (!still_fails(result)) continue;
        if (cost_of(plans[i], result) >= cost_of(best_.plan, best_.result)) continue;
        best_.plan = std::move(plans[i]);
        best_.result = std::move(result);
        script_ = script_of(best_.result.decisions);
        return true;
      }
    }
    return false;
  }

  /// Tries the drafts again from the beginning whenever one was taken.
  template <class Drafts>
  base::Result<bool> exhaust(const Drafts& drafts) {
    bool any = false;
    while (true) {
      const base::Result<bool> better = try_all(drafts());
      if (!better) return better;
      if (!*better) return any;
      any = true;
    }
  }

  base::Result<bool> without_operations() {
    return exhaust([this] {
      std::vector<Draft> drafts;
      if (best_.operations.size() - best_.plan.without.size() < 2) return drafts;
      for (const std::string& operation : best_.operations) {
        if (std::ranges::find(best_.plan.without, operation) != best_.plan.without.end()) continue;
        Draft draft{script_, best_.plan.without};
        std::erase_if(draft.script, [&](const Stretch& stretch) {
          return operation_of(stretch.decision.who) == operation;
        });
        draft.script = joined(draft.script);
        draft.without.push_back(operation);
        drafts.push_back(std::move(draft));
      }
      return drafts;
    });
  }

  base::Result<bool> without_deaths() {
    return exhaust([this] {
      return without_each([](const Stretch& stretch) { return stretch.decision.act != Act::kRun; });
    });
  }

  /// The default rule finishes what is cut off.
  base::Result<bool> cut_off() {
    std::vector<Draft> drafts;
    drafts.reserve(script_.size());
    for (std::size_t keep = 0; keep < script_.size(); ++keep) {
      drafts.push_back({{script_.begin(), script_.begin() + static_cast<std::ptrdiff_t>(keep)},
                        best_.plan.without});
    }
    return try_all(drafts);
  }

  base::Result<bool> without_stretches() {
    return exhaust([this] { return without_each([](const Stretch&) { return true; }); });
  }

  template <class Which>
  std::vector<Draft> without_each(const Which& which) {
    std::vector<Draft> drafts;
    for (std::size_t i = script_.size(); i-- > 0;) {
      if (!which(script_[i])) continue;
      Draft draft{script_, best_.plan.without};
      draft.script.erase(draft.script.begin() + static_cast<std::ptrdiff_t>(i));
      draft.script = joined(draft.script);
      drafts.push_back(std::move(draft));
    }
    return drafts;
  }

  /// A stretch gives steps to the next one of its task: the switch comes earlier.
  base::Result<bool> shorter_stretches() {
    std::vector<Draft> drafts;
    for (std::size_t i = 0; i < script_.size(); ++i) {
      for (const std::uint64_t keep : {script_[i].steps / 2, script_[i].steps - 1}) {
        if (keep == 0 || keep >= script_[i].steps) continue;
        Draft draft{script_, best_.plan.without};
        draft.script[i].steps = keep;
        drafts.push_back(std::move(draft));
      }
    }
    return try_all(drafts);
  }

  base::Result<bool> earlier_deaths() {
    std::vector<Draft> drafts;
    for (std::size_t i = 1; i < script_.size(); ++i) {
      if (script_[i].decision.act == Act::kRun || script_[i - 1].decision.act != Act::kRun)
        continue;
      for (const std::uint64_t keep : {script_[i - 1].steps / 2, script_[i - 1].steps - 1}) {
        if (keep >= script_[i - 1].steps) continue;
        Draft draft{script_, best_.plan.without};
        draft.script[i - 1].steps = keep;
        draft.script = joined(draft.script);
        drafts.push_back(std::move(draft));
      }
    }
    return try_all(drafts);
  }

  Failure best_;
  Team& team_;
  int runs_left_;
  const std::function<bool()>& enough_;
  Script script_;
};

}  // namespace

base::Result<Failure> shrink(const Failure& failure, Team& team, int runs_max,
                             const std::function<bool()>& enough) {
  return Shrinker(failure, team, runs_max, enough).run();
}

report::ScheduleSize size_of(const Failure& failure) {
  report::ScheduleSize size;
  size.operations = static_cast<int>(failure.operations.size() - failure.plan.without.size());
  size.preemptions = failure.result.preemptions;
  size.faults = failure.result.crashes;
  size.steps = static_cast<int>(failure.result.decisions.size());
  return size;
}

}  // namespace stress
