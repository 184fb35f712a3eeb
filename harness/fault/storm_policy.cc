#include "harness/fault/storm_policy.h"

#include <algorithm>

#include <fmt/format.h>

#include "harness/supervise/decode.h"
#include "orchestrator/base/clock.h"

namespace stress {
namespace {

/// What is drawn for a spawn befalls its first request, not the same one once more.
bool is_drawn_for(const ThreadState& thread) { return thread.spawn_slot != 0 && !thread.duplicate; }

}  // namespace

void ThreadMap::bind(std::uint32_t root, std::uint32_t first, std::uint32_t count) {
  const std::lock_guard lock(mutex_);
  ranges_[root] = {first, count};
}

ThreadState* ThreadMap::find(const Op& op) {
  const std::lock_guard lock(mutex_);
  const auto range = ranges_.find(op.root);
  if (range == ranges_.end() || op.origin == 0) return nullptr;
  for (std::uint32_t i = 0; i < range->second.count; ++i) {
    ThreadState& state = control_.threads[range->second.first + i];
    if (state.tid == op.origin) return &state;
  }
  return nullptr;
}

std::vector<const ThreadState*> ThreadMap::in_flight(std::uint32_t root) {
  const std::lock_guard lock(mutex_);
  std::vector<const ThreadState*> result;
  const auto range = ranges_.find(root);
  if (range == ranges_.end()) return result;
  for (std::uint32_t i = 0; i < range->second.count; ++i) {
    const ThreadState& state = control_.threads[range->second.first + i];
    if (state.op != 0) result.push_back(&state);
  }
  return result;
}

Verdict ProfilePolicy::decide(const Op& op) {
  const ThreadState* thread = threads_.find(op);
  if (thread == nullptr || thread->spawn_slot == 0) return Proceed{};
  const std::optional<PointKind> kind = classifier_.kind_of(op);
  if (!kind) return Proceed{};
  ++profile_.occurrences[static_cast<std::size_t>(*kind)];
  if (*kind == PointKind::kWrite && classifier_.is_victims(op)) {
    const std::optional<std::uint64_t> offset = file_offset(op);
    if (offset && torn_bytes(*offset, op.bytes, 0)) ++profile_.writes_over_a_page;
  }
  return Proceed{};
}

StormPolicy::StormPolicy(ThreadMap& threads, const PointClassifier& classifier, CrashPlan plan,
                         Pauses pauses, const Choice& choice)
    : threads_(threads),
      classifier_(classifier),
      plan_(std::move(plan)),
      pauses_(std::move(pauses)),
      choice_(choice) {}

StormPolicy::Progress& StormPolicy::progress_of(std::uint32_t root, const ThreadState& thread) {
  Progress& progress = progress_[{root, &thread}];
  if (progress.op != thread.op) {
    progress = Progress{};
    progress.op = thread.op;
    progress.slot = thread.spawn_slot - 1;
    progress.replacement = !attempted_.insert(progress.slot).second;
    plan_.begun(progress.slot);
  }
  return progress;
}

Verdict StormPolicy::decide(const Op& op) {
  const std::lock_guard lock(mutex_);
  const ThreadState* thread = threads_.find(op);
  if (thread == nullptr || !is_drawn_for(*thread)) return Proceed{};
  const std::optional<PointKind> kind = classifier_.kind_of(op);
  if (!kind) return Proceed{};
  Progress& progress = progress_of(op.root, *thread);
  // A crash that waits for its task's next stop is never overtaken, but by the end: a child that
  // made its last call will not stop again.
  if (progress.doomed && *kind != PointKind::kReply && *kind != PointKind::kExit) return Proceed{};
  ++progress.points;
  ++progress.seen[static_cast<std::size_t>(*kind)];
  if (std::optional<Verdict> verdict = crash_at(op, *kind, progress)) return *verdict;
  if (std::optional<Verdict> verdict = pause_at(op, progress)) return *verdict;
  return Proceed{};
}

std::optional<Verdict> StormPolicy::crash_at(const Op& op, PointKind kind, Progress& progress) {
  const Hit* hit = plan_.hit(progress.slot, progress.replacement);
  if (hit == nullptr) return std::nullopt;
  const int seen = progress.seen[static_cast<std::size_t>(kind)];
  PointClass cls = hit->cls;
  std::optional<std::uint64_t> cut;
  bool here = false;
  if (kind == PointKind::kExit) {
    // A command's last call: whatever has not been delivered by now never would be.
    here = true;
    cls = {PointKind::kExit, Position::kBefore};
  } else if (kind == PointKind::kReply) {
    // The first write to the history is the invocation, the second the reply. Whatever hit has not
    // been delivered by then is drawn again from what is left of the path: the reply.
    if (seen != 2) return std::nullopt;
    here = true;
    if (cls.kind != PointKind::kReply) {
      cls = {PointKind::kReply,
             choice_.of(hit->number).chance(0.5) ? Position::kBefore : Position::kAfter};
    }
  } else if (kind == hit->cls.kind && cls.position == Position::kMid) {
    const std::optional<std::uint64_t> offset =
        classifier_.is_victims(op) ? file_offset(op) : std::nullopt;
    if (offset) cut = torn_bytes(*offset, op.bytes, hit->fraction);
    here = cut && ++progress.torn_candidates == hit->occurrence;
  } else {
    here = kind == hit->cls.kind && seen == hit->occurrence;
  }
  if (!here) return std::nullopt;
  progress.doomed = true;
  decisions_[progress.op] = {cls, base::monotonic_ns()};
  switch (cls.position) {
    case Position::kBefore:
      return KillBefore{hit->scope, victim()};
    case Position::kMid:
      return KillMid{hit->scope, *cut, victim()};
    case Position::kAfter:
      return KillAfter{hit->scope, victim()};
  }
  return std::nullopt;
}

std::optional<Verdict> StormPolicy::pause_at(const Op&, Progress& progress) {
  if (progress.paused || progress.replacement || !pauses_.slots.contains(progress.slot)) {
    return std::nullopt;
  }
  const Choice own = choice_.of("pause").of(progress.slot);
  const auto point = 1 + own.of("point").below(static_cast<std::uint64_t>(pauses_.points));
  if (progress.points != static_cast<int>(point)) return std::nullopt;
  progress.paused = true;
  decisions_[progress.op] = {{}, base::monotonic_ns()};
  return Pause{std::chrono::milliseconds(50 + own.of("length").below(450)), victim()};
}

void StormPolicy::applied(const Op& op, const Verdict& verdict, bool delivered) {
  const std::lock_guard lock(mutex_);
  if (!delivered) return;
  Fault fault;
  fault.detail = describe(op);
  const ThreadState* thread = threads_.find(op);
  if (thread == nullptr) return;
  const Progress& progress = progress_[{op.root, thread}];
  const Decision decision = decisions_[progress.op];
  fault.op = progress.op;
  fault.at = decision.at;
  if (const auto* pause = std::get_if<Pause>(&verdict)) {
    fault.kind = "pause";
    fault.detail += fmt::format(" (stopped for {} ms)", pause->duration.count());
    faults_.push_back(std::move(fault));
    return;
  }
  fault.kind = "crash";
  fault.cls = to_string(decision.cls);
  Scope scope = Scope::kProcess;
  if (const auto* before = std::get_if<KillBefore>(&verdict)) scope = before->scope;
  if (const auto* after = std::get_if<KillAfter>(&verdict)) scope = after->scope;
  if (const auto* mid = std::get_if<KillMid>(&verdict)) {
    scope = mid->scope;
    fault.detail += fmt::format(" (cut after {} bytes)", mid->bytes);
  }
  fault.variant = scope == Scope::kProcess ? "process" : "with-descendants";
  // A command dies alone: its worker, and what else that is at, lives on.
  for (const ThreadState* other : threads_.in_flight(op.root)) {
    if (other != thread && !classifier_.commands) fault.collateral.push_back(other->op);
  }
  plan_.delivered(progress.slot);
  faults_.push_back(std::move(fault));
}

void StormPolicy::exited(std::uint32_t root, int) {
  const std::lock_guard lock(mutex_);
  // What was in flight in the dead process and had a hit of its own to come.
  for (const ThreadState* thread : threads_.in_flight(root)) {
    if (is_drawn_for(*thread)) plan_.redraw(thread->spawn_slot - 1);
  }
  std::erase_if(progress_, [root](const auto& entry) { return entry.first.first == root; });
}

std::vector<Fault> StormPolicy::faults() const {
  const std::lock_guard lock(mutex_);
  return faults_;
}

std::uint64_t StormPolicy::crashes_injected() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::uint64_t>(std::ranges::count(faults_, "crash", &Fault::kind));
}

std::uint64_t StormPolicy::pauses_injected() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::uint64_t>(std::ranges::count(faults_, "pause", &Fault::kind));
}

std::vector<Hit> StormPolicy::drawn() const {
  const std::lock_guard lock(mutex_);
  return plan_.drawn();
}

}  // namespace stress
