// How many schedules a second an exploration runs, each judged and with all put back behind it,
// against the same two programs bare: one after the other, and both at once.
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "harness/explore/explorer.h"
#include "harness/explore/fit.h"
#include "harness/explore/team.h"
#include "harness/target/builtin.h"
#include "orchestrator/base/file_io.h"
#include "tests/bench/bench_folder.h"

namespace stress {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Words = std::vector<std::string>;

constexpr int kBatch = 40;

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double seconds_of(const auto& work) {
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// As explorers do where they may: so what else the machine has to do slows nobody down.
void run_before_others() {
  const sched_param lowest{.sched_priority = 1};
  sched_setscheduler(0, SCHED_RR, &lowest);
}

/// Two spawns of tests/bench/tiny_spawn.c without anybody who watches them.
class Bare {
 public:
  explicit Bare(fs::path folder) : folder_(std::move(folder)) {
    fs::create_directories(folder_);
    posix_spawn_file_actions_init(&quiet_);
    posix_spawn_file_actions_addopen(&quiet_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  }
  ~Bare() { posix_spawn_file_actions_destroy(&quiet_); }
  Bare(const Bare&) = delete;
  Bare& operator=(const Bare&) = delete;

  /// Seconds for two. That the registry is emptied before is not in it.
  double run(bool at_once) {
    good_ = wait(start({"init", folder_})) && good_;
    return seconds_of([&] {
      const pid_t first = start({"spawn", folder_, "worker1"});
      if (!at_once) good_ = wait(first) && good_;
      const pid_t second = start({"spawn", folder_, "worker2"});
      if (at_once) good_ = wait(first) && good_;
      good_ = wait(second) && good_;
    });
  }
  [[nodiscard]] bool good() const { return good_; }

 private:
  pid_t start(Words words) {
    static const std::string kProgram =
        fs::read_symlink("/proc/self/exe").parent_path() / "tiny_spawn";
    words.insert(words.begin(), kProgram);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_t pid = 0;
    const int failed = posix_spawn(&pid, kProgram.c_str(), &quiet_, nullptr, argv.data(), environ);
    return failed == 0 ? pid : -1;
  }
  static bool wait(pid_t pid) {
    int status = -1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
  }

  fs::path folder_;
  posix_spawn_file_actions_t quiet_{};
  bool good_ = true;
};

struct Subject {
  std::string target;
  std::string sessions;
};

Subject file(const char* name) { return {std::string(SPAWNSTORM_SOURCE_DIR "/") + name, ""}; }

/// Explorers of two spawns.
class Exploration {
 public:
  Exploration(const Subject& subject, int jobs, fs::path folder) {
    ExploreSettings settings;
    settings.target = subject.target;
    settings.sessions = subject.sessions;
    const auto fitted = fit_to_target(settings);
    if (!fitted) return;
    Scene scene{.target = fitted->target,
                .sessions = fitted->sessions,
                .ops = fitted->ops,
                .folder = std::move(folder)};
    auto team = Team::start(scene, jobs, calm_);
    if (team) team_ = std::move(*team);
  }
  [[nodiscard]] bool is_ready() const { return team_ != nullptr; }

  /// Seconds for one of `count` random walks; negative: they did not all pass.
  double run(int count) {
    std::vector<SchedulePlan> plans(static_cast<std::size_t>(count));
    for (SchedulePlan& plan : plans) {
      plan.seed = ++seed_;
      plan.range = 20;
    }
    bool good = false;
    const double spent = seconds_of([&] {
      const auto results = team_->run_all(plans, [](const ScheduleResult&) { return false; });
      good = results && std::ranges::all_of(*results, [](const auto& result) {
               return result && result->verdict == report::Verdict::kPass;
             });
    });
    return good ? spent / count : -1;
  }

 private:
  const std::atomic<bool> calm_{false};
  std::unique_ptr<Team> team_;
  std::uint64_t seed_ = 0;
};

/// In turn, so that a noisy machine hits all of them.
void TinySchedules(benchmark::State& state) {
  const BenchFolder folder;
  Exploration exploration(file("tests/bench/tiny_spawn.json"), 1, folder.path() / "e");
  if (!exploration.is_ready()) return state.SkipWithError("no exploration");
  Bare bare(folder.path() / "bare");
  std::vector<double> scheduled;
  std::vector<double> in_turn;
  std::vector<double> at_once;
  for (auto _ : state) {
    scheduled.push_back(exploration.run(kBatch));
    double turns = 0;
    double both = 0;
    for (int i = 0; i < kBatch; ++i) {
      turns += bare.run(false);
      both += bare.run(true);
    }
    if (scheduled.back() < 0 || !bare.good()) return state.SkipWithError("a program failed");
    in_turn.push_back(turns / kBatch);
    at_once.push_back(both / kBatch);
    state.SetIterationTime(scheduled.back());
  }
  const auto share = [&](std::vector<double> ours) {
    for (std::size_t i = 0; i < ours.size(); ++i) ours[i] /= scheduled[i];
    return median(std::move(ours));
  };
  state.counters["per_s"] = 1 / median(scheduled);
  state.counters["in_turn_per_s"] = 1 / median(in_turn);
  state.counters["at_once_per_s"] = 1 / median(at_once);
  state.counters["to_in_turn"] = share(in_turn);
  state.counters["to_at_once"] = share(at_once);
}

void schedules(benchmark::State& state, const Subject& subject, int batch) {
  const BenchFolder folder;
  Exploration exploration(subject, 1, folder.path() / "e");
  if (!exploration.is_ready()) return state.SkipWithError("no exploration");
  std::vector<double> scheduled;
  for (auto _ : state) {
    scheduled.push_back(exploration.run(batch));
    if (scheduled.back() < 0) return state.SkipWithError("a schedule did not pass");
    state.SetIterationTime(scheduled.back());
  }
  state.counters["per_s"] = 1 / median(scheduled);
}

/// One explorer and two, in turn.
void TwoJobs(benchmark::State& state, const Subject& subject, int batch) {
  const BenchFolder folder;
  Exploration one(subject, 1, folder.path() / "1");
  Exploration two(subject, 2, folder.path() / "2");
  if (!one.is_ready() || !two.is_ready()) return state.SkipWithError("no exploration");
  std::vector<double> ratios;
  for (auto _ : state) {
    const double alone = one.run(batch);
    const double together = two.run(batch);
    if (alone < 0 || together < 0) return state.SkipWithError("a schedule did not pass");
    ratios.push_back(alone / together);
    state.SetIterationTime(together);
  }
  state.counters["to_one_job"] = median(ratios);
}

void BuiltinProcess(benchmark::State& state) { schedules(state, {"builtin", "process"}, 20); }
void BuiltinTmux(benchmark::State& state) { schedules(state, {"builtin", "tmux"}, 4); }
void Python(benchmark::State& state) {
  schedules(state, file("scenarios/specimens/python/orchestrator.json"), 4);
}
void TinyTwoJobs(benchmark::State& state) {
  TwoJobs(state, file("tests/bench/tiny_spawn.json"), 2 * kBatch);
}
void BuiltinTwoJobs(benchmark::State& state) { TwoJobs(state, {"builtin", "process"}, 40); }
BENCHMARK(TinySchedules)->UseManualTime()->Iterations(15);
BENCHMARK(BuiltinProcess)->UseManualTime()->Iterations(7);
BENCHMARK(BuiltinTmux)->UseManualTime()->Iterations(7);
BENCHMARK(Python)->UseManualTime()->Iterations(7);
BENCHMARK(TinyTwoJobs)->UseManualTime()->Iterations(9);
BENCHMARK(BuiltinTwoJobs)->UseManualTime()->Iterations(9);

}  // namespace
}  // namespace stress

int main(int argc, char** argv) {
  stress::register_builtin();
  // A team's explorers are this program once more.
  if (argc == 3 && std::string_view(argv[1]) == "explorer") return stress::explorer_main(argv[2]);
  stress::run_before_others();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
