#include "harness/fault/point_policy.h"

#include <utility>

#include <fmt/format.h>

#include "harness/supervise/command_kill.h"
#include "harness/supervise/decode.h"
#include "orchestrator/base/clock.h"

namespace stress {

Verdict TracePolicy::decide(const Op& op) {
  std::optional<OperationCall> call = calls_.see(op);
  if (!call) return Proceed{};
  RecordedCall recorded;
  recorded.call = std::move(*call);
  recorded.op = op;
  const bool by_victim = recorded.call.by_victim;
  recorded.offset = op.sys == Sys::kWrite ? file_offset(op) : std::nullopt;
  const pid_t victim = by_victim ? op.pid : op.command;
  // Whoever calls for the victim is a descendant of it, and it has no others that we would know of.
  recorded.followers = !by_victim ? !op.detached : !followers_of(victim).empty();
  const std::lock_guard lock(mutex_);
  trace_.push_back(std::move(recorded));
  return Proceed{};
}

CallTrace TracePolicy::trace() const {
  const std::lock_guard lock(mutex_);
  return trace_;
}

Verdict PointPolicy::decide(const Op& op) {
  const std::optional<OperationCall> call = calls_.see(op);
  if (cut_task_ != 0 && op.tid == cut_task_) {
    cut_task_ = 0;
    return KillBefore{point_.scope, victim_};
  }
  if (!call) return Proceed{};
  if (struck_) {
    const bool again =
        point_.sticky && op.sys == struck_kind_ && !is_output(op) && call->id.key != kReplyKey;
    return again ? Verdict(Fail{point_.error_number}) : Verdict(Proceed{});
  }
  if (call->id != point_.at) return Proceed{};
  struck_ = true;
  struck_kind_ = op.sys;
  return strike(op).value_or(Proceed{});
}

std::optional<Verdict> PointPolicy::strike(const Op& op) {
  {
    const std::lock_guard lock(mutex_);
    blow_ = describe_blow(op);
  }
  if (point_.blow == Blow::kBefore) return KillBefore{point_.scope, victim_};
  if (point_.blow == Blow::kAfter) return KillAfter{point_.scope, victim_};
  if (point_.blow == Blow::kError) return Fail{point_.error_number};
  const std::optional<std::uint64_t> offset = file_offset(op);
  const auto bytes = offset ? cut_bytes(point_.cut, *offset, op.bytes) : std::nullopt;
  if (!bytes) return std::nullopt;
  {
    const std::lock_guard lock(mutex_);
    blow_->detail += fmt::format(" (cut after {} bytes)", *bytes);
  }
  if (point_.blow == Blow::kMid) return KillMid{point_.scope, *bytes, victim_};
  cut_task_ = op.tid;
  return Short{*bytes};
}

Fault PointPolicy::describe_blow(const Op& op) const {
  Fault fault;
  fault.at = base::monotonic_ns();
  fault.kind = point_.blow == Blow::kError ? "error" : "crash";
  fault.cls = fmt::format("point-{}", point_.number);
  if (point_.blow != Blow::kError) {
    fault.variant = point_.scope == Scope::kProcess ? "process" : "with-descendants";
  }
  const ThreadState* thread = threads_.find(op);
  if (thread != nullptr && thread->op != 0) fault.op = thread->op;
  fault.detail = fmt::format("{}: {}", point_.words, describe(op));
  return fault;
}

void PointPolicy::applied(const Op&, const Verdict& verdict, bool delivered) {
  // A short write is half of the blow; the kill that follows is the other.
  if (std::holds_alternative<Short>(verdict)) {
    if (!delivered) cut_task_ = 0;
    return;
  }
  const std::lock_guard lock(mutex_);
  delivered_ = delivered_ || delivered;
}

std::optional<Fault> PointPolicy::delivered() const {
  const std::lock_guard lock(mutex_);
  return delivered_ ? blow_ : std::nullopt;
}

}  // namespace stress
