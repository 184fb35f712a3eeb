#include "harness/campaign/random_kills.h"

#include <signal.h>

#include <limits>
#include <utility>
#include <vector>

#include "orchestrator/base/clock.h"

namespace stress {

void RandomKills::tend(const Crew& crew) {
  ControlBlock& control = stage_.control();
  if (done_ >= wanted_) {
    control.ceiling = std::numeric_limits<std::uint64_t>::max();
    return;
  }
  const std::uint64_t due = (done_ + 1) * spawns_ / (wanted_ + 1);
  control.ceiling = due;
  const std::vector<std::uint32_t> workers = crew.workers();
  if (workers.empty() || control.acknowledged < due) return;
  const std::uint32_t victim = workers[choice_.of(done_).below(workers.size())];
  Fault fault;
  fault.at = base::monotonic_ns();
  fault.kind = "crash";
  fault.cls = "random-moment";
  fault.variant = "process";
  fault.detail = "SIGKILL at a random moment";
  for (const ThreadState* thread : stage_.threads().in_flight(victim)) {
    fault.collateral.push_back(thread->op);
  }
  if (!stage_.engine().signal(victim, SIGKILL)) return;
  ++done_;
  collector_.with([&](Evidence& evidence) { evidence.faults.push_back(std::move(fault)); });
}

}  // namespace stress
