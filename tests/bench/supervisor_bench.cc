// What supervision costs: the same small programs bare, under the engine and under `strace -f`, in
// turn in one run.
#include <algorithm>
#include <array>
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

/// Each iteration runs `argv` once in each way, and `idle` too, whose time is taken off; the
/// counters are those of one of `per` calls. `ways` 2: strace, which stops at every call, is left
/// out.
void compare(benchmark::State& state, const Words& argv, const Words& idle, double per,
             int ways = 3) {
  const BenchFolder folder;
  Runner bare(0, folder.path());
  Runner engine(kCrashSet, folder.path());
  std::array<std::vector<double>, 3> times;  // bare, engine, strace
  const auto measure = [&](Runner& runner, bool strace) -> std::optional<double> {
    const auto timed = runner.timed(strace ? under_strace(argv) : argv);
    if (idle.empty() || !timed) return timed;
    const auto floor = runner.timed(strace ? under_strace(idle) : idle);
    return floor ? std::optional(*timed - *floor) : std::nullopt;
  };
  int first = 0;
  for (auto _ : state) {
    // Each way comes first, second and last equally often: what ran before leaves its caches.
    for (int i = 0; i < ways; ++i) {
      const int way = (first + i) % ways;
      const auto timed = measure(way == 1 ? engine : bare, way == 2);
      if (!timed) return state.SkipWithError("a program failed");
      times[static_cast<std::size_t>(way)].push_back(*timed / per);
    }
    ++first;
    state.SetIterationTime(times[1].back() * per / 1e3);
  }
  const auto ratio = [](std::vector<double> ours, const std::vector<double>& theirs) {
    for (std::size_t i = 0; i < ours.size(); ++i) ours[i] /= theirs[i];
    return median(std::move(ours));
  };
  const double unit = per > 1 ? 1e3 : 1;
  state.SetLabel(per > 1 ? "us a call" : "ms");
  state.counters["bare"] = median(times[0]) * unit;
  state.counters["engine"] = median(times[1]) * unit;
  state.counters["to_bare"] = ratio(times[1], times[0]);
  if (ways < 3) return;
  state.counters["strace"] = median(times[2]) * unit;
  state.counters["to_strace"] = ratio(times[1], times[2]);
  state.counters["strace_to_bare"] = ratio(times[2], times[0]);
}

void RelevantCall(benchmark::State& state) {
  compare(state, {helper(), "writes", "5000"}, {helper(), "writes", "0"}, 5000);
}
void UntrappedCall(benchmark::State& state) {
  compare(state, {helper(), "reads", "300000"}, {helper(), "reads", "0"}, 300000, 2);
}
void PythonStartUp(benchmark::State& state) {
  compare(state, {"/usr/bin/python3", "-c", "pass"}, {}, 1);
}
BENCHMARK(RelevantCall)->UseManualTime()->Iterations(9);
BENCHMARK(UntrappedCall)->UseManualTime()->Iterations(9);
BENCHMARK(PythonStartUp)->UseManualTime()->Iterations(15);

}  // namespace
}  // namespace stress
