#include "harness/explore/explorer.h"

#include <sched.h>
#include <signal.h>

#include <atomic>
#include <iostream>
#include <string>

#include "harness/explore/ground.h"
#include "harness/explore/plan.h"
#include "harness/explore/schedule_trial.h"
#include "harness/supervise/filter.h"
#include "harness/supervise/room.h"
#include "orchestrator/base/file_io.h"

namespace stress {
namespace {

/// On one processor, and so that whoever is woken does not push aside the one who woke him: of two
/// that could run at the same time, a dying child and its parent who is told of it, the order is
/// always the same then. Real-time tasks of one priority are like that, and do not wait for the
/// machine's other work; batches, which anybody may have, are too, but wait. Round robin, so that
/// one who does not stop leaves us our turn. All that is started inherits it. `explorer` counts
/// processors from the first.
void run_one_at_a_time(int explorer) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  int place = explorer % CPU_COUNT(&allowed);
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || place-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    break;
  }
  const sched_param lowest{.sched_priority = 1};
  const sched_param none{};
  if (sched_setscheduler(0, SCHED_RR, &lowest) != 0) sched_setscheduler(0, SCHED_BATCH, &none);
}

int give_up(const base::Error& error) {
  std::cout << '!' << error.message << std::endl;
  return 1;
}

int explore_scene(const std::filesystem::path& scene_file) {
  const base::Result<std::string> text = base::read_file(scene_file);
  if (!text) return give_up(text.error());
  const base::Result<Scene> scene = decode_scene(*text);
  if (!scene) return give_up(scene.error());
  run_one_at_a_time(scene->explorer);
  const base::Result<BpfProgram> filter = build_filter(kScheduleSet);
  if (!filter) return give_up(filter.error());
  const base::Result<std::unique_ptr<Ground>> ground = Ground::make(*scene, *filter);
  if (!ground) return give_up(ground.error());
  std::cout << std::endl;

  Visited visited;
  std::string line;
  while (std::getline(std::cin, line)) {
    const base::Result<SchedulePlan> plan = decode_plan(line);
    if (!plan) return give_up(plan.error());
    const base::Result<ScheduleResult> result = run_schedule(*scene, *plan, **ground, visited);
    if (!result) return give_up(result.error());
    std::cout << encode(*result) << std::endl;
  }
  return 0;
}

}  // namespace

/// In a room of its own, where one can be had: programs that look at all processes of the machine
/// see those of their schedule then, and nobody else's.
int explorer_main(const std::filesystem::path& scene_file) {
  std::ios::sync_with_stdio(false);
  signal(SIGINT, SIG_IGN);  // ^C is for whoever reads our results; he closes our input
  const auto explore = [&scene_file] {
    const int code = explore_scene(scene_file);
    std::cout.flush();
    return code;
  };
  static const std::atomic<bool> never{false};
  const base::Result<int> code = run_in_room(never, explore);
  return code ? *code : explore();
}

}  // namespace stress
