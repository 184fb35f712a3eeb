#include "harness/fault/fault_policy.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "harness/supervise/decode.h"
#include "orchestrator/base/clock.h"

namespace stress {
namespace {

bool is_on_a_file(const Op& op) {
  return op.sys != Sys::kExec && op.sys != Sys::kConnect && op.sys != Sys::kSend &&
         op.sys != Sys::kSignal && op.sys != Sys::kExit && op.sys != Sys::kOther;
}

bool is_file(const std::string& path) {
  struct stat about{};
  return lstat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode);
}

bool can_be_torn(const Op& op) {
  const std::optional<std::uint64_t> offset = file_offset(op);
  return offset && torn_bytes(*offset, op.bytes, 0);
}

/// What a spec without a window and a rate means: errors and delays last, and one death is enough,
/// as is one visit of a stranger.
bool falls_by_default(FaultAction action, std::uint64_t count) {
  switch (action) {
    case FaultAction::kKill:
    case FaultAction::kKillMid:
    case FaultAction::kPause:
    case FaultAction::kUnlink:
      return count == 1;
    default:
      return true;
  }
}

bool falls(const FaultSpec& spec, const Choice& choice, std::uint64_t count) {
  if (spec.window && !spec.window->contains(count)) return false;
  if (spec.rate) return choice.of(count).of("hit").chance(*spec.rate);
  return spec.window || falls_by_default(spec.action, count);
}

bool kills(FaultAction action) {
  return action == FaultAction::kKill || action == FaultAction::kKillMid;
}

}  // namespace

FaultPolicy::FaultPolicy(Policy& inner, ThreadMap& threads, const PointClassifier& classifier,
                         const std::vector<FaultSpec>& plan, const Choice& choice)
    : inner_(inner), threads_(threads), classifier_(classifier) {
  for (const FaultSpec& spec : plan) {
    const std::string text = to_string(spec);
    lines_.push_back({spec, text, choice.of("fault").of(text)});
  }
}

bool FaultPolicy::is_workload(const Op& op, const ThreadState& thread) const {
  if (thread.op == 0 || op.detached) return false;
  if (classifier_.commands && op.command == 0) return false;
  return !is_watched(op.path, {classifier_.history_folder});
}

bool FaultPolicy::is_on_target(const Op& op) const {
  if (op.sys == Sys::kExec) return access(op.path.c_str(), X_OK) == 0;  // a search tries many
  return !is_on_a_file(op) || is_watched(op.path, classifier_.watched) ||
         is_watched(op.path2, classifier_.watched);
}

bool FaultPolicy::matches(const FaultSpec& spec, const Op& op, bool begins_spawn) const {
  if (spec.place == FaultPlace::kSpawn) return begins_spawn;
  if (!names(spec, op)) return false;
  const bool any_file = is_on_a_file(op) && !spec.glob.empty();
  if (!any_file && !is_on_target(op)) return false;
  // Whatever the pattern says: no file is deleted that is not the run's own.
  if (spec.action == FaultAction::kUnlink) return is_on_target(op) && is_file(op.path);
  if (spec.action == FaultAction::kShort) return op.bytes > spec.bytes && has_bytes_in_memory(op);
  return spec.action != FaultAction::kKillMid || (classifier_.is_victims(op) && can_be_torn(op));
}

Verdict FaultPolicy::verdict(const Line& line, const Op& op) const {
  switch (line.spec.action) {
    case FaultAction::kKill:
      return KillBefore{Scope::kProcess, victim()};
    case FaultAction::kKillMid: {
      const double fraction = line.choice.of(line.matched).of("cut").unit();
      const auto bytes = torn_bytes(file_offset(op).value_or(0), op.bytes, fraction);
      return KillMid{Scope::kProcess, bytes.value_or(1), victim()};
    }
    case FaultAction::kShort:
      return Short{line.spec.bytes};
    case FaultAction::kError:
      return Fail{line.spec.error_number};
    case FaultAction::kExit:
      return Exit{line.spec.exit_code};
    case FaultAction::kUnlink:
      return Unlink{};
    case FaultAction::kDelay:
      return Delay{line.spec.duration};
    case FaultAction::kPause:
      // A slow program, rather than a caller that is slow to start it.
      if (line.spec.place == FaultPlace::kExec) return Pause{line.spec.duration, Victim::kCaller};
      return Pause{line.spec.duration, victim()};
  }
  return Proceed{};
}

Fault FaultPolicy::describe_fault(const Line& line, const Op& op, const ThreadState& thread) {
  Fault fault;
  fault.at = base::monotonic_ns();
  fault.kind = "fault";
  fault.cls = line.text;
  fault.op = thread.op;
  fault.detail = fmt::format("{} (matching call {})", describe(op), line.matched);
  if (!kills(line.spec.action)) return fault;
  fault.variant = "process";
  if (victim() == Victim::kCommand) return fault;  // it dies alone
  for (const ThreadState* other : threads_.in_flight(op.root)) {
    if (other != &thread) fault.collateral.push_back(other->op);
  }
  return fault;
}

Verdict FaultPolicy::decide(const Op& op) {
  {
    const std::lock_guard lock(mutex_);
    const ThreadState* thread = threads_.find(op);
    if (thread != nullptr && is_workload(op, *thread)) {
      const bool begins_spawn =
          thread->spawn_slot != 0 && is_on_target(op) && begun_.insert(thread->op).second;
      const Line* falling = nullptr;
      for (Line& line : lines_) {
        if (!matches(line.spec, op, begins_spawn)) continue;
        ++line.matched;
        if (falling == nullptr && falls(line.spec, line.choice, line.matched)) falling = &line;
      }
      if (falling != nullptr) {
        pending_[{op.root, op.tid}] = describe_fault(*falling, op, *thread);
        return verdict(*falling, op);
      }
    }
  }
  return inner_.decide(op);
}

bool FaultPolicy::wants_argv(const Op& op) {
  const bool named =
      std::ranges::any_of(lines_, [](const Line& line) { return names_arguments(line.spec); });
  return named || inner_.wants_argv(op);
}

void FaultPolicy::applied(const Op& op, const Verdict& verdict, bool delivered) {
  {
    const std::lock_guard lock(mutex_);
    const auto pending = pending_.find({op.root, op.tid});
    if (pending != pending_.end()) {
      if (delivered) {
        faults_.push_back(std::move(pending->second));
      } else {
        ++std::ranges::find(lines_, pending->second.cls, &Line::text)->missed;
      }
      pending_.erase(pending);
      return;
    }
  }
  inner_.applied(op, verdict, delivered);
}

std::vector<Fault> FaultPolicy::faults() const {
  const std::lock_guard lock(mutex_);
  return faults_;
}

std::uint64_t FaultPolicy::injected() const {
  const std::lock_guard lock(mutex_);
  return faults_.size();
}

std::vector<PlannedFault> FaultPolicy::planned() const {
  const std::lock_guard lock(mutex_);
  std::vector<PlannedFault> result;
  result.reserve(lines_.size());
  for (const Line& line : lines_) {
    result.push_back({line.text, line.matched, line.missed});
  }
  return result;
}

}  // namespace stress
