// What supervision costs: the same small programs bare, under the engine and under `strace -f`, in
// turn in one run.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "harness/supervise/engine.h"
#include "tests/bench/bench_folder.h"

namespace stress {
namespace {

using Clock = std::chrono::steady_clock;
using Words = std::vector<std::string>;

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// Runs programs one after the other under one engine.
class Runner : public Policy {
 public:
  /// `filter_set` 0: bare, but for being launched in the same way.
  explicit Runner(std::uint32_t filter_set, std::filesystem::path folder)
      : folder_(std::move(folder)), engine_(Engine::start(*this, filter_set, -1)) {}

  Verdict decide(const Op&) override { return Proceed{}; }
  void applied(const Op&, const Verdict&, bool) override {}
  void exited(std::uint32_t, int status) override {
    const std::lock_guard lock(mutex_);
    status_ = status;
    ended_.notify_all();
  }

  /// Milliseconds from the launch to the exit; nullopt: it failed.
  std::optional<double> timed(const Words& argv) {
    const auto begin = Clock::now();
    if (!engine_ || !(*engine_)->launch({argv, {"PATH=/usr/bin:/bin"}, folder_, {}})) return {};
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return status_.has_value(); });
    const bool good = std::exchange(status_, std::nullopt) == 0;
    const std::chrono::duration<double, std::milli> spent = Clock::now() - begin;
    return good ? std::optional(spent.count()) : std::nullopt;
  }

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  std::optional<int> status_;
  std::filesystem::path folder_;
  base::Result<std::unique_ptr<Engine>> engine_;
};

std::string helper() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "system_calls_helper";
}

Words under_strace(const Words& argv) {
  Words words{"/usr/bin/strace", "-f", "-qq", "-o", "/dev/null"};
  words.insert(words.end(), argv.begin(), argv.end());
  return words;
}

/// Of one program: its times, in turn.
struct Times {
  std::vector<double> bare;
  std::vector<double> engine;
  std::vector<double> strace;
};

/// Each iteration runs `argv` once in each way, and `idle` too, whose time is taken off; the
/// counters tell units of `per` calls.
void compare(benchmark::State& state, const Words& argv, const Words& idle, double per) {
  const BenchFolder folder;
  Runner bare(0, folder.path());
  Runner engine(kCrashSet, folder.path());
  Times times;
  const auto measure = [&](Runner& runner, bool strace) -> std::optional<double> {
    const auto timed = runner.timed(strace ? under_strace(argv) : argv);
    if (idle.empty() || !timed) return timed;
    const auto floor = runner.timed(strace ? under_strace(idle) : idle);
    return floor ? std::optional(*timed - *floor) : std::nullopt;
  };
  for (auto _ : state) {
    const auto without = measure(bare, false);
    const auto with = measure(engine, false);
    const auto traced = measure(bare, true);
    if (!without || !with || !traced) return state.SkipWithError("a program failed");
    times.bare.push_back(*without / per);
    times.engine.push_back(*with / per);
    times.strace.push_back(*traced / per);
    state.SetIterationTime(*with / 1e3);
  }
  const auto ratio = [](std::vector<double> ours, const std::vector<double>& theirs) {
    for (std::size_t i = 0; i < ours.size(); ++i) ours[i] /= theirs[i];
    return median(std::move(ours));
  };
  const double unit = per > 1 ? 1e3 : 1;
  state.SetLabel(per > 1 ? "us a call" : "ms");
  state.counters["bare"] = median(times.bare) * unit;
  state.counters["engine"] = median(times.engine) * unit;
  state.counters["strace"] = median(times.strace) * unit;
  state.counters["to_bare"] = ratio(times.engine, times.bare);
  state.counters["to_strace"] = ratio(times.engine, times.strace);
  state.counters["strace_to_bare"] = ratio(times.strace, times.bare);
}

void RelevantCall(benchmark::State& state) {
  compare(state, {helper(), "writes", "5000"}, {helper(), "writes", "0"}, 5000);
}
void UntrappedCall(benchmark::State& state) {
  compare(state, {helper(), "reads", "20000"}, {helper(), "reads", "0"}, 20000);
}
void PythonStartUp(benchmark::State& state) {
  compare(state, {"/usr/bin/python3", "-c", "pass"}, {}, 1);
}
BENCHMARK(RelevantCall)->UseManualTime()->Iterations(7);
BENCHMARK(UntrappedCall)->UseManualTime()->Iterations(7);
BENCHMARK(PythonStartUp)->UseManualTime()->Iterations(15);

}  // namespace
}  // namespace stress
