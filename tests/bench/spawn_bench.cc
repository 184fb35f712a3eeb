// How many complete spawns fit into the time of bare `tmux new-session` calls. Both are made in
// turn in one run, on one private server, by as many threads.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "orchestrator/base/subprocess.h"
#include "orchestrator/core/spawner.h"
#include "orchestrator/core/tasks.h"
#include "tests/bench/bench_folder.h"

namespace orc {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kSpawnsPerRound = 8;

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// Milliseconds for a round of `call`, shared among `threads`.
double timed_round(int threads, const auto& call) {
  std::atomic<int> left = kSpawnsPerRound;
  const auto begin = Clock::now();
  {
    std::vector<std::jthread> workers;
    workers.reserve(static_cast<std::size_t>(threads));
    for (int i = 0; i < threads; ++i) {
      workers.emplace_back([&] {
        while (left-- > 0) call();
      });
    }
  }
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

/// A private server and the folder of its socket, gone at the end.
class PrivateServer {
 public:
  PrivateServer() : folder_(mkdtemp(name_)) {}
  ~PrivateServer() {
    base::Command end;
    end.argv = {"tmux", "-S", socket(), "kill-server"};
    (void)base::run(end);
    std::filesystem::remove_all(folder_);
  }
  PrivateServer(const PrivateServer&) = delete;
  PrivateServer& operator=(const PrivateServer&) = delete;
  [[nodiscard]] std::string socket() const { return folder_ / "tmux"; }

 private:
  char name_[16] = "/tmp/ss-XXXXXX";
  std::filesystem::path folder_;
};

void Spawn_AgainstBareNewSession(benchmark::State& state) {
  const bool session_log = state.range(0) != 0;
  const int threads = static_cast<int>(state.range(1));
  const PrivateServer server;
  const BenchFolder folder;
  Config config;
  config.tmux_socket = server.socket();
  config.session_log = session_log;
  auto workspace = Workspace::init(folder.path() / "workspace", config, {.max_concurrent = 0});
  if (!workspace) return state.SkipWithError(workspace.error().message.c_str());
  const auto task =
      create_task(*workspace, {.description = "bench", .limits = {.max_concurrent = 0}});
  if (!task) return state.SkipWithError(task.error().message.c_str());
  const std::filesystem::path gate =
      std::filesystem::read_symlink("/proc/self/exe").parent_path() / "orchestrator";
  const Spawner spawner(*workspace, gate);
  std::atomic<int> failures = 0;
  std::atomic<int> number = 0;
  const auto spawn = [&] {
    const SpawnRequest request{
        .task_id = *task, .type = "bench", .prompt = "", .command = {"sleep", "1000"}};
    if (!spawner.spawn(request)) ++failures;
  };
  const auto bare_session = [&] {
    const std::string name = fmt::format("bare-{}", ++number);
    base::Command command;
    command.argv = {"tmux", "-S", server.socket(), "new-session", "-d",
                    "-s",   name, "sleep",         "1000"};
    if (session_log) {  // what a log costs in tmux alone
      for (const char* word : {";", "pipe-pane", "-t", name.c_str(), "exec cat >> /dev/null"}) {
        command.argv.emplace_back(word);
      }
    }
    const auto outcome = base::run(command);
    if (!outcome || !outcome->ok()) ++failures;
  };
  std::vector<double> bare;
  std::vector<double> ours;
  std::vector<double> ratios;
  for (auto _ : state) {
    ours.push_back(timed_round(threads, spawn) / kSpawnsPerRound);
    bare.push_back(timed_round(threads, bare_session) / kSpawnsPerRound);
    ratios.push_back(bare.back() / ours.back());
    state.SetIterationTime(ours.back() / 1e3);
  }
  if (failures > 0) return state.SkipWithError("a spawn or a tmux new-session failed");
  state.counters["bare_ms"] = median(bare);
  state.counters["spawn_ms"] = median(ours);
  state.counters["rate_ratio"] = median(ratios);
}
BENCHMARK(Spawn_AgainstBareNewSession)
    ->ArgNames({"session_log", "threads"})
    ->ArgsProduct({{0, 1}, {1, 4}})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond)
    ->Iterations(16);

}  // namespace
}  // namespace orc
