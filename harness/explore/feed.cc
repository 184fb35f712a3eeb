#include "harness/explore/feed.h"

#include <deque>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "harness/choice/choice.h"
#include "harness/explore/requests.h"
#include "harness/schedule/search.h"

namespace stress {
namespace {

/// Each schedule is drawn by itself: from the seed and its number.
class Drawn : public Feed {
 public:
  Drawn(const ExploreSettings& settings, std::uint64_t steps)
      : settings_(settings), steps_(steps), choice_(Choice(settings.seed).of("schedule")) {}

  std::optional<SchedulePlan> next() override {
    if (settings_.schedules != 0 && count_ == settings_.schedules) return std::nullopt;
    SchedulePlan plan;
    plan.id = ++count_;
    const Choice own = choice_.of(plan.id);
    plan.seed = own.bits();
    plan.crashes_max = settings_.crashes;
    plan.range = steps_;
    draw(plan, own);
    return plan;
  }

  [[nodiscard]] std::string how(const SchedulePlan& plan) const override {
    const std::string what = plan.kind == SchedulePlan::Kind::kPct
                                 ? fmt::format("pct of depth {}", plan.depth)
                                 : "random walk";
    return fmt::format("{}, schedule {} of seed {}", what, plan.id, settings_.seed);
  }

 private:
  void draw(SchedulePlan& plan, const Choice& own) const {
    plan.kind =
        settings_.strategy == "random" ? SchedulePlan::Kind::kRandom : SchedulePlan::Kind::kPct;
    plan.depth = settings_.depth;
    if (settings_.strategy != "swarm") return;
    // Some of what could be done is left undone in each: what is rare otherwise comes up.
    constexpr std::uint64_t kDepths = 4;
    if (own.of("walk").chance(0.5)) plan.kind = SchedulePlan::Kind::kRandom;
    plan.depth = 2 + static_cast<int>(own.of("depth").below(kDepths));
    if (own.of("crashes").chance(0.5)) plan.crashes_max = 0;
    for (std::size_t i = 0; i + 2 < settings_.ops.size(); ++i) {
      if (own.of("without").of(i).chance(0.25)) plan.without.push_back(operation_label(i));
    }
  }

  const ExploreSettings& settings_;
  std::uint64_t steps_;
  Choice choice_;
  std::uint64_t count_ = 0;
};

class Exhaustive : public Feed {
 public:
  explicit Exhaustive(const ExploreSettings& settings)
      : settings_(settings), search_(settings.preemptions, settings.crashes) {}

  std::optional<SchedulePlan> next() override {
    if (!again_.empty()) {
      SchedulePlan plan = std::move(again_.front());
      again_.pop_front();
      return plan;
    }
    if (settings_.schedules != 0 && count_ == settings_.schedules) return std::nullopt;
    std::optional<std::vector<Decision>> prefix = search_.next();
    if (!prefix) return std::nullopt;
    SchedulePlan plan;
    plan.id = ++count_;
    plan.kind = SchedulePlan::Kind::kPrefix;
    plan.decisions = std::move(*prefix);
    plan.crashes_max = settings_.crashes;
    plan.moments = true;
    return plan;
  }

  /// Not where it came to the end of its prefix: then what it came to counts as run.
  bool takes_back(const SchedulePlan& plan, const ScheduleResult& result) override {
    const bool departed = result.verdict == report::Verdict::kUnknown &&
                          result.decisions.size() < plan.decisions.size();
    if (!departed || ++departures_[plan.id] == kTries) return false;
    again_.push_back(plan);
    return true;
  }

  void learn(const SchedulePlan& plan, const ScheduleResult& result) override {
    search_.explored(plan.decisions.size(), result.moments, result.decisions,
                     {result.met.begin(), result.met.end()});
  }

  [[nodiscard]] std::string how(const SchedulePlan& plan) const override {
    return fmt::format("exhaustive search, schedule {}", plan.id);
  }
  [[nodiscard]] std::uint64_t pruned() const override { return search_.pruned(); }
  [[nodiscard]] std::size_t open() const override { return search_.open() + again_.size(); }

 private:
  static constexpr int kTries = 3;

  const ExploreSettings& settings_;
  Search search_;
  std::uint64_t count_ = 0;
  std::deque<SchedulePlan> again_;
  std::map<std::uint64_t, int> departures_;  ///< by plan
};

}  // namespace

std::unique_ptr<Feed> make_feed(const ExploreSettings& settings, std::uint64_t steps) {
  if (settings.strategy == "exhaustive") return std::make_unique<Exhaustive>(settings);
  return std::make_unique<Drawn>(settings, steps);
}

}  // namespace stress
