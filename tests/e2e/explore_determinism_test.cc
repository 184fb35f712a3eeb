// Goal: the same seed makes the same schedule, call by call, whatever came before it.
// Method: explorers, as `stress explore` has them, are given two seeds in turn, again and again,
// and so is another explorer. SPAWNSTORM_RUNS: how often each (5).
#include <cstdlib>
#include <map>

#include "harness/explore/fit.h"
#include "harness/explore/plan.h"
#include "harness/target/builtin.h"
#include "tests/e2e/explorations.h"

namespace e2e {
namespace {

struct Setting {
  std::string name;
  std::string target;
  std::string sessions;
  Words ops{"spawn", "spawn"};
  int crashes = 0;
};

void PrintTo(const Setting& setting, std::ostream* out) { *out << setting.name; }

int runs() {
  const char* asked = std::getenv("SPAWNSTORM_RUNS");
  return asked == nullptr ? 5 : static_cast<int>(std::strtol(asked, nullptr, 10));
}

class Determinism : public Explorations, public ::testing::WithParamInterface<Setting> {
 protected:
  /// Results of one explorer for these seeds, one after the other.
  std::vector<stress::ScheduleResult> explorer(const std::vector<std::uint64_t>& seeds) {
    stress::register_builtin();
    stress::ExploreSettings settings;
    settings.target = GetParam().target;
    settings.sessions = GetParam().sessions;
    settings.ops = GetParam().ops;
    settings.crashes = GetParam().crashes;
    const auto fitted = stress::fit_to_target(settings);
    if (!fitted) {
      ADD_FAILURE() << fitted.error().message;
      return {};
    }
    const std::filesystem::path folder = out_ / std::to_string(++explorers_);
    std::filesystem::create_directory(folder);
    const stress::Scene scene{.target = fitted->target,
                              .sessions = fitted->sessions,
                              .ops = fitted->ops,
                              .prepared = fitted->prepared,
                              .folder = folder};
    EXPECT_TRUE(base::replace_file(folder / "scene.json", stress::encode(scene)));
    base::Command command;
    command.argv = {STRESS_PROGRAM, "explorer", (folder / "scene.json").string()};
    command.env = environment();
    command.timeout = std::chrono::minutes(20);
    command.output_bytes_max = 1ull << 30;
    for (std::size_t i = 0; i < seeds.size(); ++i) {
      stress::SchedulePlan plan;
      plan.id = i;
      plan.seed = seeds[i];
      plan.range = 60;
      plan.crashes_max = GetParam().crashes;
      command.input += stress::encode(plan) + "\n";
    }
    const auto outcome = base::run(command);
    EXPECT_TRUE(outcome) << outcome.error().message;
    return outcome ? results_in(outcome->out) : std::vector<stress::ScheduleResult>();
  }

 private:
  /// The first line says that the explorer is ready.
  static std::vector<stress::ScheduleResult> results_in(const std::string& out) {
    std::vector<stress::ScheduleResult> results;
    for (std::size_t at = out.find('\n') + 1; at < out.size();) {
      const std::size_t end = out.find('\n', at);
      auto result = stress::decode_result(out.substr(at, end - at));
      if (!result) {
        ADD_FAILURE() << out.substr(at, 300);
        break;
      }
      results.push_back(std::move(*result));
      at = end + 1;
    }
    return results;
  }

  int explorers_ = 0;
};

TEST_P(Determinism, TheSameSeedMakesTheSameTraceEachTime) {
  std::vector<std::uint64_t> seeds;
  for (int i = 0; i < runs(); ++i) seeds.insert(seeds.end(), {7, 8});
  std::vector<std::uint64_t> others(seeds.rbegin(), seeds.rbegin() + 3);
  std::map<std::uint64_t, stress::ScheduleResult> first;
  for (const auto& asked : {seeds, others}) {
    std::vector<stress::ScheduleResult> results = explorer(asked);
    ASSERT_EQ(results.size(), asked.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
      const auto [known, is_first] = first.try_emplace(asked[i], results[i]);
      EXPECT_NE(results[i].verdict, report::Verdict::kUnknown) << results[i].reason;
      if (is_first) continue;
      EXPECT_EQ(results[i].trace, known->second.trace) << "run " << i << " of seed " << asked[i];
      EXPECT_EQ(results[i].decisions, known->second.decisions);
      EXPECT_EQ(results[i].verdict, known->second.verdict);
    }
  }
  EXPECT_NE(first[7].trace, first[8].trace) << "both seeds make the same schedule";
}

INSTANTIATE_TEST_SUITE_P(
    Of, Determinism,
    ::testing::Values(
        Setting{"C", specimen("c/orchestrator"), ""},
        Setting{"CWithoutALock", specimen("c/no_lock"), ""},
        Setting{"Python", specimen("python/orchestrator"), ""},
        Setting{"PythonUpdates", specimen("python/orchestrator"), "", {"update", "update"}},
        Setting{"Shell", specimen("shell/orchestrator"), ""},
        Setting{"Sqlite", specimen("sqlite/orchestrator"), ""},
        Setting{"Files", specimen("files/orchestrator"), ""},
        Setting{"Threads", explored("threads"), ""}, Setting{"BuiltinInTmux", "builtin", "tmux"},
        Setting{"BuiltinAsProcesses", "builtin", "process"},
        Setting{"BuiltinAndRepair", "builtin", "tmux", {"spawn", "repair"}},
        Setting{"BuiltinAndADeath", "builtin", "process", {"spawn", "spawn"}, 1}),
    [](const auto& setting) { return setting.param.name; });

}  // namespace
}  // namespace e2e
