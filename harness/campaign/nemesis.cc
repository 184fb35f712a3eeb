#include "harness/campaign/nemesis.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "harness/campaign/poll.h"
#include "orchestrator/base/clock.h"
#include "orchestrator/base/process_identity.h"

namespace stress {
namespace {

const char* name_of(Nemesis::Blow blow) {
  switch (blow) {
    case Nemesis::Blow::kServer:
      return "server-kill";
    case Nemesis::Blow::kFullDisk:
      return "full-disk";
    case Nemesis::Blow::kReusedPid:
      return "pid-reuse";
    case Nemesis::Blow::kSession:
      break;
  }
  return "session-kill";
}

}  // namespace

std::vector<Nemesis::Strike> Nemesis::draw(const Plan& plan, const Choice& choice) {
  std::vector<Strike> strikes;
  const auto draw = [&](std::uint64_t count, Blow blow, const char* label, std::uint64_t first) {
    for (std::uint64_t i = 0; i < count; ++i) {
      strikes.push_back({first + choice.of(label).of(i).below(plan.spawns), blow, i});
    }
  };
  draw(plan.session_kills, Blow::kSession, "session due", 1);
  draw(plan.server_kills, Blow::kServer, "server due", 1);
  draw(plan.full_disks, Blow::kFullDisk, "full disk due", 0);
  draw(plan.reused_pids, Blow::kReusedPid, "reused pid due", 1);
  std::ranges::stable_sort(strikes, {}, &Strike::due);
  return strikes;
}

Nemesis::Nemesis(const Plan& plan, const Choice& choice, const Prey& prey,
                 const ControlBlock& control, Collector& collector)
    : choice_(choice.of("nemesis")),
      probe_(prey.probe),
      strangers_(prey.strangers),
      control_(control),
      collector_(collector) {
  for (const Strike& strike : draw(plan, choice_)) pending_.push_back({strike});
  if (prey.disk != nullptr) full_disk_.emplace(*prey.disk, choice_, collector);
}

void Nemesis::start() {
  if (pending_.empty()) return;
  thread_ = std::thread([this] { loop(); });
}

void Nemesis::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void Nemesis::loop() {
  const auto full = [this] { return full_disk_ && full_disk_->is_full(); };
  while (!pending_.empty() || full()) {
    if (abandoned_) pending_.clear();
    const bool over = stopping_;
    if (full()) over ? full_disk_->end() : full_disk_->tend();
    std::vector<Pending> left;
    for (Pending& pending : pending_) {
      if (!settle(pending, over)) left.push_back(pending);
    }
    pending_ = std::move(left);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

/// True: it has struck, or never will. `over`: nobody spawns any more.
bool Nemesis::settle(Pending& pending, bool over) {
  constexpr int kTriesAfterTheStorm = 20;
  const Strike& next = pending.strike;
  if (over && next.blow == Blow::kFullDisk) {
    record_missed(next, "the storm was over before");
    return true;
  }
  if (control_.acknowledged < next.due && !over) return false;
  if (strike(next)) return true;
  if (!over || ++pending.tries <= kTriesAfterTheStorm) return false;
  record_missed(next, "nothing was there to be killed");
  return true;
}

void Nemesis::record_missed(const Strike& strike, const char* why) {
  Fault missed;
  missed.at = base::monotonic_ns();
  missed.kind = name_of(strike.blow);
  missed.detail = why;
  missed.injected = false;
  collector_.with([&](Evidence& evidence) { evidence.faults.push_back(missed); });
}

bool Nemesis::strike(const Strike& strike) {
  switch (strike.blow) {
    case Blow::kServer:
      return strike_server(strike);
    case Blow::kFullDisk:
      full_disk_->begin(strike.number);
      return true;
    case Blow::kSession:
    case Blow::kReusedPid:
      break;
  }
  return strike_session(strike);
}

bool Nemesis::strike_session(const Strike& strike) {
  const SessionsView view = probe_.look();
  std::vector<ObservedSession> victims;
  std::ranges::copy_if(view.sessions, std::back_inserter(victims), [](const ObservedSession& s) {
    // Whose death nobody could tell would be held against the target.
    return s.marked && s.alive && !s.agent.empty();
  });
  if (victims.empty()) return false;
  const bool reuse = strike.blow == Blow::kReusedPid;
  const Choice which = choice_.of(reuse ? "reused victim" : "victim").of(strike.number);
  const ObservedSession& victim = victims[which.below(victims.size())];
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
  if (!record(std::move(fault), struck)) return false;
  if (reuse) reuse_pid(victim);
  return true;
}

/// A number is free once its process is reaped, by tmux or by us, and nobody is left in its group.
void Nemesis::reuse_pid(const ObservedSession& victim) {
  Fault fault;
  fault.at = base::monotonic_ns();
  fault.kind = "pid-reuse";
  fault.agent = victim.agent;
  fault.detail = fmt::format("process {} is a stranger now", victim.pid);
  base::Status started;
  fault.injected =
      poll_until(std::chrono::seconds(5),
                 [&] {
                   started = strangers_.start(static_cast<pid_t>(victim.pid), victim.agent);
                   return started.has_value() || started.error().code != base::Errc::kExists;
                 }) &&
      started.has_value();
  if (!fault.injected) fault.detail = started.error().message;
  collector_.with([&](Evidence& evidence) { evidence.faults.push_back(std::move(fault)); });
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
