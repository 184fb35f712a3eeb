// How many complete spawns fit into the time of a bare `tmux new-session`. Both are made in turn in
// one run, on one private server.
#include <algorithm>
#include <chrono>
#include <cstdlib>
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

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void Spawn_AgainstBareNewSession(benchmark::State& state) {
  char folder_name[] = "/tmp/ss-XXXXXX";
  const std::filesystem::path sockets = mkdtemp(folder_name);
  const std::string socket = sockets / "tmux";
  const BenchFolder folder;
  Config config;
  config.tmux_socket = socket;
  config.session_log = state.range(0) != 0;
  auto workspace = Workspace::init(folder.path() / "workspace", config, {.max_concurrent = 0});
  if (!workspace) return state.SkipWithError(workspace.error().message.c_str());
  const auto task =
      create_task(*workspace, {.description = "bench", .limits = {.max_concurrent = 0}});
  if (!task) return state.SkipWithError(task.error().message.c_str());
  const std::filesystem::path gate =
      std::filesystem::read_symlink("/proc/self/exe").parent_path() / "orchestrator";
  const Spawner spawner(*workspace, gate);
  const auto timed = [](const auto& call) {
    const auto begin = Clock::now();
    call();
    return std::chrono::duration<double>(Clock::now() - begin).count();
  };
  std::vector<double> bare;
  std::vector<double> ours;
  int number = 0;
  for (auto _ : state) {
    ours.push_back(timed([&] {
      const auto reply = spawner.spawn(
          {.task_id = *task, .type = "bench", .prompt = "", .command = {"sleep", "1000"}});
      if (!reply) state.SkipWithError(reply.error().message.c_str());
    }));
    state.SetIterationTime(ours.back());
    base::Command command;
    command.argv = {
        "tmux",  "-S",  socket, "new-session", "-d", "-s", fmt::format("bare-{}", ++number),
        "sleep", "1000"};
    bare.push_back(timed([&] {
      const auto outcome = base::run(command);
      if (!outcome || !outcome->ok()) state.SkipWithError("tmux new-session failed");
    }));
  }
  state.counters["bare_ms"] = median(bare) * 1e3;
  state.counters["spawn_ms"] = median(ours) * 1e3;
  state.counters["rate_ratio"] = median(bare) / median(ours);
  base::Command end;
  end.argv = {"tmux", "-S", socket, "kill-server"};
  (void)base::run(end);
  std::filesystem::remove_all(sockets);
}
BENCHMARK(Spawn_AgainstBareNewSession)
    ->ArgName("session_log")
    ->Arg(0)
    ->Arg(1)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond)
    ->Iterations(60);

}  // namespace
}  // namespace orc
