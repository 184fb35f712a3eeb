// What one commit costs, against the least that a safe one can cost: lock, write of one page,
// fsync, rename, fsync of the folder. Both are timed in turn in one run, so that a noisy machine
// hits both; only the ratio of the medians says something.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "orchestrator/base/unique_fd.h"
#include "orchestrator/registry/json_store.h"
#include "tests/bench/bench_folder.h"

namespace orc {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_of(const auto& call) {
  const auto begin = Clock::now();
  call();
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void must(bool done) {
  if (!done) {
    std::perror("bench");
    std::abort();
  }
}

void bare_commit(const std::filesystem::path& folder) {
  static const std::string page(4096, 'x');
  const base::UniqueFd lock(
      open((folder / "bare.lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  must(flock(lock.get(), LOCK_EX) == 0);
  const std::string temporary = folder / "bare.tmp";
  {
    const base::UniqueFd file(
        open(temporary.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600));
    must(write(file.get(), page.data(), page.size()) == static_cast<ssize_t>(page.size()));
    must(fsync(file.get()) == 0);
  }
  must(rename(temporary.c_str(), (folder / "bare").c_str()) == 0);
  const base::UniqueFd directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  must(fsync(directory.get()) == 0);
  must(flock(lock.get(), LOCK_UN) == 0);
}

Agent record(int number) {
  Agent agent;
  agent.id = fmt::format("investigator-20260101T000000-{:013}", number);
  agent.task_id = "TASK-20260101T000000-aaaaaaaaaaaaa";
  agent.type = "investigator";
  agent.status = AgentStatus::kCompleted;
  agent.prompt = "find out why the nightly build takes so long";
  agent.created_at = base::wall_now();
  agent.attempt = "abcdefghijklm";
  return agent;
}

std::unique_ptr<Store> filled_store(const std::filesystem::path& folder, int records) {
  auto store = open_json_store(folder);
  must(store->create(Limits{.max_concurrent = 0}).has_value());
  must(store
           ->transact("fill", "",
                      [&](Transaction& change) -> base::Status {
                        Task task;
                        task.id = "TASK-20260101T000000-aaaaaaaaaaaaa";
                        task.description = "bench";
                        task.created_at = base::wall_now();
                        change.put(task);
                        for (int i = 0; i < records; ++i) change.put(record(i));
                        return {};
                      })
           .has_value());
  return store;
}

base::Result<Commit> touch(Store& store, int number) {
  const Agent wanted = record(number);
  return store.transact("touch", wanted.id, [&](Transaction& change) -> base::Status {
    base::Result<Agent> agent = change.agent(wanted.id);
    if (!agent) return std::unexpected(agent.error());
    agent->progress = (agent->progress + 1) % 100;
    change.put(std::move(*agent));
    return {};
  });
}

void Commit_AgainstBareLoop(benchmark::State& state) {
  const int records = static_cast<int>(state.range(0));
  const BenchFolder folder;
  const auto store = filled_store(folder.path(), records);
  std::vector<double> bare;
  std::vector<double> ours;
  for (auto _ : state) {
    bare.push_back(milliseconds_of([&] { bare_commit(folder.path()); }));
    ours.push_back(milliseconds_of(
        [&] { must(touch(*store, static_cast<int>(ours.size()) % records).has_value()); }));
    state.SetIterationTime(ours.back() / 1e3);
  }
  state.counters["bare_ms"] = median(bare);
  state.counters["commit_ms"] = median(ours);
  state.counters["ratio"] = median(ours) / median(bare);
}
BENCHMARK(Commit_AgainstBareLoop)
    ->Arg(10)
    ->Arg(100)
    ->Arg(1000)
    ->Arg(10000)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond)
    ->Iterations(300);

constexpr std::chrono::milliseconds kRound{500};

/// Commits of `processes` for one round; returns how many, and every wait for the lock in ms.
std::size_t contend(const std::filesystem::path& folder, int processes,
                    std::vector<double>* waits) {
  int channel[2];
  must(pipe2(channel, O_CLOEXEC) == 0);
  for (int p = 0; p < processes; ++p) {
    if (fork() != 0) continue;
    const auto store = open_json_store(folder);
    const auto end = Clock::now() + kRound;
    while (Clock::now() < end) {
      const auto commit = touch(*store, p);
      must(commit.has_value());
      const double waited = std::chrono::duration<double, std::milli>(commit->waited).count();
      must(write(channel[1], &waited, sizeof waited) == sizeof waited);
    }
    _exit(0);
  }
  close(channel[1]);
  std::size_t commits = 0;
  double waited = 0;
  while (read(channel[0], &waited, sizeof waited) == sizeof waited) {
    ++commits;
    if (waits != nullptr) waits->push_back(waited);
  }
  close(channel[0]);
  while (wait(nullptr) > 0) {
  }
  return commits;
}

/// Rounds of one and of ten follow each other closely, and each pair gives a ratio: a disk that is
/// slow for a while is slow for both.
void Commit_TenProcessesAgainstOne(benchmark::State& state) {
  const BenchFolder folder;
  filled_store(folder.path(), 100);
  std::vector<double> one;
  std::vector<double> ten;
  std::vector<double> ratios;
  std::vector<double> waits;
  constexpr double kSeconds = std::chrono::duration<double>(kRound).count();
  for (auto _ : state) {
    one.push_back(static_cast<double>(contend(folder.path(), 1, nullptr)) / kSeconds);
    ten.push_back(static_cast<double>(contend(folder.path(), 10, &waits)) / kSeconds);
    ratios.push_back(ten.back() / one.back());
    state.SetIterationTime(kSeconds);
  }
  state.counters["one_per_s"] = median(one);
  state.counters["ten_per_s"] = median(ten);
  state.counters["throughput_ratio"] = median(ratios);
  state.counters["wait_median_ms"] = median(waits);
  state.counters["wait_max_ms"] = std::ranges::max(waits);
  state.counters["max_over_median"] = std::ranges::max(waits) / median(waits);
}
BENCHMARK(Commit_TenProcessesAgainstOne)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond)
    ->Iterations(20);

}  // namespace
}  // namespace orc
