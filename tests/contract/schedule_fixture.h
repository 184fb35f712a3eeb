#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "harness/schedule/scheduler.h"
#include "harness/schedule/strategies.h"
#include "harness/supervise/group.h"
#include "tests/support/temp_folder.h"

/// Schedules of real programs: schedule_helper with words of what to do, in a temporary folder.
namespace stress {

/// Chooses by a rule of the test's own; by default where it has no wish.
class Choosing : public Strategy {
 public:
  using Rule = std::function<std::optional<Decision>(const Moment&)>;
  explicit Choosing(Rule rule) : rule_(std::move(rule)) {}
  std::optional<Decision> choose(const Moment& moment) override {
    if (auto wish = rule_(moment); wish && is_possible(moment, *wish)) return wish;
    return by_default(moment);
  }

 private:
  Rule rule_;
};

class ScheduleTest : public ::testing::Test, protected ScheduleObserver {
 protected:
  using Words = std::vector<std::string>;
  using Programs = std::vector<std::pair<std::string, Words>>;  ///< by label
  struct Run {
    RunEnd end = RunEnd::kRestless;
    std::vector<std::string> trace;
    std::vector<Moment> moments;
    std::vector<Decision> decisions;
    std::vector<bool> locks_held;  ///< after each step
    std::vector<std::string> deadlock;
    std::unordered_set<std::uint64_t> met;  ///< see Meetings
    std::map<std::string, int> codes;       ///< of those that ended of their own
  };

  void SetUp() override {
    if (const base::Status possible = probe_supervision(); !possible) {
      GTEST_SKIP() << "no supervision here: " << possible.error().message;
    }
    auto filter = build_filter(kScheduleSet);
    ASSERT_TRUE(filter) << filter.error().message;
    filter_ = std::move(*filter);
    static int number = 0;
    auto group =
        Group::create("schedule" + std::to_string(getpid()) + "n" + std::to_string(++number));
    ASSERT_TRUE(group) << group.error().message;
    group_ = std::make_unique<Group>(std::move(*group));
    arena_ = make_arena();
  }
  void TearDown() override {
    arena_.reset();
    if (group_) expect_nobody_is_left();
  }
  void expect_nobody_is_left() const {
    for (const Group::Member& member : group_->members()) ADD_FAILURE() << member.command;
  }

  [[nodiscard]] std::unique_ptr<Arena> make_arena() const {
    Arena::Setting setting;
    setting.filter = &filter_;
    setting.join_fd = group_->join_fd();
    setting.watched = {folder_.path()};
    setting.seed = seed_;
    return std::make_unique<Arena>(std::move(setting));
  }
  void launch(const std::string& label, const Words& words,
              Arena::Role role = Arena::Role::kProgram) {
    LaunchSpec spec;
    spec.argv = {std::filesystem::read_symlink("/proc/self/exe").parent_path() / "schedule_helper"};
    spec.argv.insert(spec.argv.end(), words.begin(), words.end());
    spec.env = {group_->environment()};
    spec.cwd = folder_.path();
    const base::Status launched = arena_->launch(label, spec, role);
    ASSERT_TRUE(launched) << launched.error().message;
  }

  /// In the arena as it is; what the programs have left running stays there.
  Run run(const Programs& programs, Strategy& strategy, Scheduler::Setting setting = {}) {
    Scheduler scheduler(setting, strategy, *this);
    arena_->rule([&](const ScheduledTask& task, std::string_view maker) {
      scheduler.note_new(task, maker);
    });
    for (const auto& [label, words] : programs) launch(label, words);
    codes_.clear();
    Run run;
    run.end = scheduler.run(*arena_, {});
    arena_->tasks().on_new({});
    run.trace = trace_of(scheduler.steps());
    for (const Step& step : scheduler.steps()) {
      run.moments.push_back(step.moment);
      run.decisions.push_back(step.decision);
      run.locks_held.push_back(step.locks_held);
    }
    run.deadlock = scheduler.deadlock();
    run.met = scheduler.meetings().met();
    run.codes = codes_;
    return run;
  }
  /// From an empty folder with these files, to the end of all its programs.
  Run run_anew(const Programs& programs, Strategy& strategy, Scheduler::Setting setting = {},
               const std::map<std::string, std::string>& files = {}) {
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      std::filesystem::remove_all(entry);
    }
    for (const auto& [name, text] : files) std::ofstream(folder_ / name) << text;
    arena_ = make_arena();
    Run made = run(programs, strategy, setting);
    arena_->end();
    expect_nobody_is_left();
    return made;
  }
  Run run_by_default(const Programs& programs) {
    FollowPrefix by_default({});
    return run_anew(programs, by_default);
  }

  [[nodiscard]] std::string content(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(folder_ / name).rdbuf();
    return text.str();
  }

  void began(const std::string& /*label*/) override {}
  void ended(const std::string& label, int status, bool by_us) override {
    if (!by_us) codes_[label] = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }
  void stepped(Step& /*step*/) override {}

  tests::TempFolder folder_;
  BpfProgram filter_;
  std::uint64_t seed_ = 1;
  std::unique_ptr<Group> group_;
  std::unique_ptr<Arena> arena_;
  std::map<std::string, int> codes_;
};

}  // namespace stress
