#include "harness/campaign/attend.h"

#include <signal.h>

#include "harness/supervise/reaper.h"

namespace stress {
namespace {

constexpr auto kBurial = std::chrono::seconds(10);

}  // namespace

base::Status attend(Crew& crew, Stage& stage, const Attendance& attendance,
                    const std::atomic<bool>& interrupted) {
  using Clock = std::chrono::steady_clock;
  crew.stand_down();
  const auto deadline = Clock::now() + attendance.limit;
  while (crew.tend(std::chrono::milliseconds(20))) {
    reap_adopted();
    const bool stalled = attendance.stalls != nullptr && attendance.stalls->look();
    if (!stalled && Clock::now() <= deadline && !interrupted) continue;
    for (const std::uint32_t root : crew.workers()) stage.engine().signal(root, SIGKILL);
    // What they had recorded until then is evidence.
    const auto buried = Clock::now() + kBurial;
    while (crew.tend(std::chrono::milliseconds(20)) && Clock::now() < buried) reap_adopted();
    if (interrupted) return base::fail(base::Errc::kTimeout, "interrupted");
    return base::fail(base::Errc::kTimeout, "{} did not end within {} s{}", attendance.what,
                      std::chrono::duration_cast<std::chrono::seconds>(attendance.limit).count(),
                      stalled ? ": it is stuck" : "");
  }
  return {};
}

}  // namespace stress
