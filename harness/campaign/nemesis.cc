#include "harness/campaign/nemesis.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "orchestrator/base/clock.h"
#include "orchestrator/base/process_identity.h"

namespace stress {

Nemesis::Nemesis(const Plan& plan, const Choice& choice, SessionProbe& probe,
                 const ControlBlock& control, Collector& collector)
    : choice_(choice.of("nemesis")), probe_(probe), control_(control), collector_(collector) {
  const auto draw = [&](std::uint64_t count, bool server) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t due =
          1 + choice_.of(server ? "server due" : "session due").of(i).below(plan.spawns);
      strikes_.push_back({due, server, i});
    }
  };
  draw(plan.session_kills, false);
  draw(plan.server_kills, true);
  std::ranges::stable_sort(strikes_, {}, &Strike::due);
}

void Nemesis::start() {
  if (strikes_.empty()) return;
  thread_ = std::thread([this] { loop(); });
}

void Nemesis::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void Nemesis::loop() {
  constexpr int kTriesAfterTheStorm = 20;
  int tries = 0;
  for (std::size_t next = 0; next < strikes_.size();) {
    const bool last_chance = stopping_;
    if (control_.acknowledged >= strikes_[next].due || last_chance) {
      if (strike(strikes_[next])) {
        ++next;
        tries = 0;
        continue;
      }
      if (last_chance && ++tries > kTriesAfterTheStorm) {
        Fault missed;
        missed.at = base::monotonic_ns();
        missed.kind = strikes_[next].server ? "server-kill" : "session-kill";
        missed.detail = "nothing was there to be killed";
        missed.injected = false;
        collector_.with([&](Evidence& evidence) { evidence.faults.push_back(missed); });
        ++next;
        tries = 0;
        continue;
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

bool Nemesis::strike(const Strike& strike) {
  return strike.server ? strike_server(strike) : strike_session(strike);
}

bool Nemesis::strike_session(const Strike& strike) {
  const SessionsView view = probe_.look();
  std::vector<ObservedSession> victims;
  std::ranges::copy_if(view.sessions, std::back_inserter(victims), [](const ObservedSession& s) {
    // Whose death nobody could tell would be held against the target.
    return s.marked && s.alive && !s.agent.empty();
  });
  if (victims.empty()) return false;
  const ObservedSession& victim =
      victims[choice_.of("victim").of(strike.number).below(victims.size())];
  Fault fault;
  fault.at = base::monotonic_ns();
  fault.kind = "session-kill";
  fault.agent = victim.agent;
  fault.detail = fmt::format("session {} (pid {})", victim.name, victim.pid);
  const auto process = base::identify(static_cast<pid_t>(victim.pid));
  const Struck struck = probe_.kill_session(victim);
  // Until it is dead it looks alive and well; a repair that comes in between would be blamed.
  if (struck != Struck::kNothingThere && process) {
    (void)base::wait_dead(*process, std::chrono::seconds(5));
  }
  return record(std::move(fault), struck);
}

bool Nemesis::strike_server(const Strike& strike) {
  const bool abruptly = choice_.of("abruptly").of(strike.number).chance(0.5);
  Fault fault;
  fault.at = base::monotonic_ns();
  fault.kind = "server-kill";
  fault.detail = abruptly ? "SIGKILL of the tmux server; its socket stays behind"
                          : "tmux kill-server; its socket is gone";
  const bool done = record(std::move(fault), probe_.kill_server(abruptly));
  if (done) server_was_killed_ = true;
  return done;
}

/// What may have been done counts as done: what follows from it must not be held against the
/// target.
bool Nemesis::record(Fault fault, Struck struck) {
  if (struck == Struck::kNothingThere) return false;
  if (struck == Struck::kPerhaps) fault.detail += "; whether it was done, nobody said";
  collector_.with([&](Evidence& evidence) { evidence.faults.push_back(std::move(fault)); });
  return true;
}

}  // namespace stress
