#include "harness/workload/worker.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "harness/choice/choice.h"
#include "harness/workload/control.h"
#include "harness/workload/recorder.h"
#include "orchestrator/base/clock.h"

namespace stress {
namespace {

/// What all threads of a worker share.
struct Shared {
  const WorkerConfig& config;
  Target& target;
  const Recorder& recorder;
  ControlBlock& control;
  std::atomic<std::uint64_t> next_op;
  std::atomic<bool> gave_up{false};
};

/// One spawner: works off its slots in order. Before and after each spawn it does other operations,
/// as drawn from the seed and the slot, so that the same seed asks the same of the target.
class Spawner {
 public:
  Spawner(Shared& shared, const WorkerThread& thread)
      : shared_(shared),
        thread_(thread),
        state_(shared.control.threads[thread.state]),
        choice_(Choice(shared.config.seed).of("workload")),
        tasks_(shared.target.tasks()),
        offers_(shared.target.offers()) {}

  void run() {
    state_.tid = gettid();
    for (const ScriptStep& step : thread_.script) play(step);
    for (const std::uint64_t slot : thread_.slots) {
      if (shared_.control.stop != 0) return;
      const Choice choice = choice_.of(slot);
      others(choice);
      if (!spawn_until_done(slot, choice)) {
        shared_.gave_up = true;
        return;
      }
      if (choice.of("kill").chance(shared_.config.kill_rate)) kill(choice);
    }
  }

 private:
  /// What this spawner has made.
  struct Known {
    std::string agent;
    std::string task;
  };

  Operation operation(OpKind kind) {
    Operation op;
    op.id = shared_.next_op++;
    op.kind = kind;
    op.client = thread_.client;
    return op;
  }

  /// Once, whatever comes of it.
  void play(const ScriptStep& step) {
    if (step.kind == "repair") {
      state_.spawn_slot = 0;
      state_.since = base::monotonic_ns();
      state_.op = shared_.next_op++;
      const RepairReply reply = shared_.target.repair(false);
      state_.op = 0;
      if (!reply.ok) fmt::print(stderr, "repair: {}\n", reply.error);
      return;
    }
    const OpKind kind = step.kind == "spawn"    ? OpKind::kSpawn
                        : step.kind == "update" ? OpKind::kUpdate
                                                : OpKind::kKill;
    Operation op = operation(kind);
    op.task = step.task;
    op.type = step.type;
    op.agent = step.agent;
    if (kind == OpKind::kUpdate) write_values(op);
    if (kind == OpKind::kUpdate && offers_.update_fields.contains("status")) {
      op.writes["status"] = working_status();
    }
    perform(op, [&]() -> Reply {
      if (kind == OpKind::kUpdate) return shared_.target.update(op.agent, op.writes);
      if (kind == OpKind::kKill) return shared_.target.kill(op.agent);
      return shared_.target.spawn({op.task, op.type, "", shared_.config.unique_types});
    });
  }

  Reply perform(Operation& op, const auto& call) { return perform(state_, op, call); }
  Reply perform(ThreadState& state, Operation& op, const auto& call) {
    shared_.recorder.begin(state, op);
    Reply reply = call();
    shared_.recorder.complete(state, op, reply);
    return reply;
  }

  Reply request(ThreadState& state, Operation& op) {
    return perform(state, op, [&] {
      return shared_.target.spawn({op.task, op.type, op.parent, shared_.config.unique_types});
    });
  }

  static const Reply& better(const Reply& first, const Reply& second) {
    const bool second_alone = first.outcome != OpOutcome::kOk && second.outcome == OpOutcome::kOk;
    return second_alone ? second : first;
  }

  /// The same request by two callers, at once or up to half a second apart. The reply is that of
  /// the first caller, or the second one's where that alone was acknowledged: what was asked for is
  /// there.
  Reply request_twice(Operation& op, const Choice& choice) {
    Operation again = op;
    again.id = shared_.next_op++;
    again.client = thread_.client + ".again";
    again.duplicate_of = op.id;
    const Choice own = choice.of("duplicate");
    const std::chrono::milliseconds apart(own.of("apart").chance(0.5) ? own.of("ms").below(500)
                                                                      : 0);
    const auto ask_again = [&](ThreadState& state) {
      std::this_thread::sleep_for(apart);
      return request(state, again);
    };
    Reply second;
    if (offers_.server_per_process) {
      // Nobody could say for which of two callers a server works; so one caller asks it twice.
      const Reply first = request(state_, op);
      second = ask_again(state_);
      return better(first, second);
    }
    std::thread caller([&] {
      ThreadState& state = shared_.control.threads[thread_.second_state];
      state.tid = gettid();
      second = ask_again(state);
      state.tid = 0;
    });
    const Reply first = request(state_, op);
    caller.join();
    return better(first, second);
  }

  bool spawn_until_done(std::uint64_t slot, const Choice& choice) {
    bool replacement = std::ranges::find(thread_.replaced, slot) != thread_.replaced.end();
    const bool doubled = std::ranges::find(thread_.doubled, slot) != thread_.doubled.end();
    bool below_root = !choice.of("child").chance(shared_.config.child_rate);
    std::string error;
    for (int attempt = 0; attempt < shared_.config.attempts_max; ++attempt) {
      wait_below_ceiling();
      if (shared_.control.stop != 0) return true;
      Operation op = operation(OpKind::kSpawn);
      op.slot = slot;
      op.replacement = replacement;
      place(op, choice, below_root);
      const std::uint64_t types = shared_.config.types;
      op.type = fmt::format("worker{}", types == 0 ? slot : slot % types);
      const Reply reply = doubled && attempt == 0 ? request_twice(op, choice) : request(state_, op);
      if (reply.outcome == OpOutcome::kOk) {
        ++shared_.control.acknowledged;
        known_.push_back({reply.agent, op.task});
        return true;
      }
      if (reply.outcome == OpOutcome::kRefused && shared_.config.accept_refusals) return true;
      error = reply.error;
      // The parent may have ended meanwhile, or stand too deep.
      below_root = true;
      replacement = true;
      // A server that was just killed needs a moment; what is tested is not how fast we retry.
      std::this_thread::sleep_for(std::chrono::milliseconds(std::min(20 * (attempt + 1), 200)));
    }
    shared_.recorder.note(
        Trouble{fmt::format("{}: spawn {} was not acknowledged in {} attempts; the last one: {}",
                            thread_.client, slot, shared_.config.attempts_max, error)});
    return false;
  }

  void wait_below_ceiling() const {
    while (shared_.control.acknowledged >= shared_.control.ceiling && shared_.control.stop == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  /// Below an agent of one's own, in its task, or below the root.
  void place(Operation& op, const Choice& choice, bool below_root) const {
    if (below_root || known_.empty() || !offers_.parents) {
      op.task = tasks_[choice.of("task").below(tasks_.size())];
      return;
    }
    const Known& parent = known_[choice.of("parent").below(known_.size())];
    op.parent = parent.agent;
    op.task = parent.task;
  }

  void others(const Choice& choice) {
    const WorkerConfig& config = shared_.config;
    if (choice.of("list").chance(config.list_rate)) {
      Operation op = operation(OpKind::kList);
      const Reply reply = perform(op, [&] { return shared_.target.list(); });
      if (reply.outcome == OpOutcome::kOk && !reply.seen.empty()) listed_ = reply.seen;
    }
    if (choice.of("update").chance(config.update_rate)) update(choice);
    if (choice.of("validate").chance(config.validate_rate)) {
      Operation op = operation(OpKind::kValidate);
      perform(op, [&] { return shared_.target.validate(); });
    }
  }

  /// An agent of one's own, or any that a list has shown: so that clients meet at one record.
  std::string some_agent(const Choice& choice) const {
    const bool others = known_.empty() || (!listed_.empty() && choice.of("whose").chance(0.5));
    if (!others) return known_[choice.of("which").below(known_.size())].agent;
    return listed_.empty() ? std::string() : listed_[choice.of("which").below(listed_.size())];
  }

  void write_values(Operation& op) const {
    const auto offered = [&](const char* field) { return offers_.update_fields.contains(field); };
    if (offered("message")) {
      op.writes["message"] = fmt::format("op-{}", op.id);  // unique: names its writer
    }
    if (offered("progress")) op.writes["progress"] = fmt::format("{}", op.id % 101);
  }

  /// One that a fresh agent does not have yet, where there is one.
  std::string working_status() const {
    const std::vector<std::string>& statuses = offers_.statuses;
    const auto working = std::ranges::find(statuses, "working");
    if (working != statuses.end()) return *working;
    return statuses.empty() ? std::string() : statuses.back();
  }

  void update(const Choice& choice) {
    Operation op = operation(OpKind::kUpdate);
    op.agent = some_agent(choice.of("update target"));
    if (op.agent.empty()) return;
    write_values(op);
    const std::vector<std::string>& statuses = offers_.statuses;
    if (offers_.update_fields.contains("status") && !statuses.empty() &&
        (!offers_.partial_updates || choice.of("with status").chance(0.5))) {
      op.writes["status"] = statuses[choice.of("status").below(statuses.size())];
    }
    perform(op, [&] { return shared_.target.update(op.agent, op.writes); });
  }

  void kill(const Choice& choice) {
    Operation op = operation(OpKind::kKill);
    op.agent = some_agent(choice.of("kill target"));
    if (op.agent.empty()) return;
    perform(op, [&] { return shared_.target.kill(op.agent); });
  }

  Shared& shared_;
  const WorkerThread& thread_;
  ThreadState& state_;
  Choice choice_;
  std::vector<std::string> tasks_;
  TargetOffers offers_;
  std::vector<Known> known_;
  std::vector<std::string> listed_;
};

int broken(const base::Error& error) {
  fmt::print(stderr, "stress worker: {}\n", error.message);
  return kWorkerBroken;
}

}  // namespace

int worker_main(const std::filesystem::path& config_file) {
  const base::Result<WorkerConfig> config = load_config(config_file);
  if (!config) return broken(config.error());
  const base::Result<Control> control = Control::open(config->control);
  if (!control) return broken(control.error());
  const base::Result<Recorder> recorder = Recorder::open(config->history);
  if (!recorder) return broken(recorder.error());
  const base::Result<std::unique_ptr<Target>> target = make_target(config->target, config->place);
  if (!target) return broken(target.error());

  Shared shared{*config, **target, *recorder, **control, {config->first_op}};
  std::vector<std::thread> threads;
  for (const WorkerThread& thread : config->threads) {
    threads.emplace_back([&shared, &thread] { Spawner(shared, thread).run(); });
  }
  for (std::thread& thread : threads) thread.join();
  return shared.gave_up ? kWorkerGaveUp : kWorkerDone;
}

}  // namespace stress
