#include "harness/campaign/crew.h"

#include <sys/wait.h>

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "harness/history/codec.h"
#include "orchestrator/base/clock.h"
#include "orchestrator/base/file_io.h"

namespace stress {
namespace {

constexpr std::uint64_t kOpsPerLaunch = 1'000'000;

/// The last words of a worker that ended by itself.
std::string last_words(const std::filesystem::path& output) {
  const base::Result<std::string> text = base::read_file(output);
  if (!text || text->empty()) return "it said nothing";
  return text->substr(text->size() > 500 ? text->size() - 500 : 0);
}

/// A killed update ends with its process. A kill's session and a spawn's agent live on, and what
/// they write is still that operation's doing.
void record_deaths(Evidence& evidence, Nanoseconds now) {
  for (Operation& op : evidence.operations) {
    if (op.kind == OpKind::kUpdate && !op.completed) op.died = now;
  }
}

}  // namespace

Crew::Crew(Stage& stage, Policy& policy, Collector& collector, WorkerConfig common)
    : stage_(stage), policy_(policy), collector_(collector), common_(std::move(common)) {}

std::vector<std::uint32_t> Crew::workers() const {
  std::vector<std::uint32_t> roots;
  roots.reserve(workers_.size());
  for (const auto& [root, worker] : workers_) roots.push_back(root);
  return roots;
}

base::Status Crew::start(std::vector<WorkerThread> threads) {
  WorkerConfig config = common_;
  config.threads = std::move(threads);
  return launch(std::move(config));
}

base::Status Crew::launch(WorkerConfig config) {
  const std::uint64_t number = ++launches_;
  config.first_op = common_.first_op + (number - 1) * kOpsPerLaunch;
  config.history =
      stage_.folder().history_parts() / fmt::format("{}-{}.jsonl", common_.first_op, number);
  const std::filesystem::path stem =
      stage_.folder().logs() / fmt::format("worker-{}-{}", common_.first_op, number);
  const std::filesystem::path config_file = stem.string() + ".json";
  if (base::Status stored = store_config(config, config_file); !stored) return stored;

  std::uint32_t first = config.threads.front().state;
  std::uint32_t last = first;
  for (const WorkerThread& thread : config.threads) {
    first = std::min(first, thread.state);
    last = std::max(last, thread.state);
    if (!thread.doubled.empty()) last = std::max(last, thread.second_state);
  }
  LaunchSpec spec;
  spec.argv = {std::filesystem::read_symlink("/proc/self/exe").string(), "worker",
               config_file.string()};
  spec.env = config.place.env;
  spec.cwd = stage_.folder().results();
  spec.output = stem.string() + ".log";
  const auto root = stage_.engine().launch(spec, [&](std::uint32_t n) {
    stage_.threads().bind(n, first, last - first + 1);
    stage_.policies().bind(n, policy_, [inbox = inbox_, n](int status) {
      const std::lock_guard lock(inbox->mutex);
      inbox->deaths.push_back({n, status});
      inbox->changed.notify_all();
    });
  });
  if (!root) return std::unexpected(root.error());
  workers_[*root] = {std::move(config), spec.output};
  return {};
}

bool Crew::tend(std::chrono::milliseconds slice) {
  std::deque<Death> deaths;
  {
    std::unique_lock lock(inbox_->mutex);
    if (workers_.empty()) return false;
    inbox_->changed.wait_for(lock, slice, [this] { return !inbox_->deaths.empty(); });
    deaths.swap(inbox_->deaths);
  }
  for (const Death& death : deaths) bury(death);
  return !workers_.empty();
}

void Crew::bury(const Death& death) {
  const auto found = workers_.find(death.root);
  if (found == workers_.end()) return;
  const Worker worker = std::move(found->second);
  workers_.erase(found);
  for (const WorkerThread& thread : worker.config.threads) {
    // Whoever was killed in an operation cannot say that it is over.
    const auto leave = [this](std::uint32_t place) {
      ThreadState& state = stage_.control().threads[place];
      state.op = 0;
      state.spawn_slot = 0;
      state.tid = 0;
    };
    leave(thread.state);
    if (!thread.doubled.empty()) leave(thread.second_state);
  }

  const base::Result<LoadedHistory> history = load_history(worker.config.history);
  Evidence done;
  if (history) {
    done = history->evidence;
  } else if (history.error().code != base::Errc::kNotFound) {
    collector_.trouble(history.error().message);
  }
  if (stage_.engine().is_over(death.root)) record_deaths(done, base::monotonic_ns());
  collector_.with([&](Evidence& evidence) {
    evidence.operations.insert(evidence.operations.end(), done.operations.begin(),
                               done.operations.end());
    evidence.troubles.insert(evidence.troubles.end(), done.troubles.begin(), done.troubles.end());
  });
  const bool killed = WIFSIGNALED(death.status) && WTERMSIG(death.status) == SIGKILL;
  if (!killed && !(WIFEXITED(death.status) && WEXITSTATUS(death.status) == kWorkerDone)) {
    const std::string how = WIFEXITED(death.status)
                                ? fmt::format("exit code {}", WEXITSTATUS(death.status))
                                : fmt::format("signal {}", WTERMSIG(death.status));
    collector_.trouble(
        fmt::format("a worker ended by itself ({}): {}", how, last_words(worker.output)));
    return;
  }
  if (!killed || !replacing_) return;
  WorkerConfig next = common_;
  next.threads = owed(worker, done);
  if (next.threads.empty()) return;
  if (base::Status started = launch(std::move(next)); !started) {
    collector_.trouble("cannot replace a killed worker: " + started.error().message);
  }
}

std::vector<WorkerThread> Crew::owed(const Worker& worker, const Evidence& done) const {
  std::set<std::uint64_t> settled;
  std::set<std::uint64_t> begun;
  std::set<std::uint64_t> doubled;
  for (const Operation& op : done.operations) {
    if (op.kind != OpKind::kSpawn) continue;
    begun.insert(op.slot);
    if (op.duplicate_of) doubled.insert(op.slot);
    if (op.outcome == OpOutcome::kOk ||
        (op.outcome == OpOutcome::kRefused && common_.accept_refusals)) {
      settled.insert(op.slot);
    }
  }
  std::vector<WorkerThread> result;
  for (const WorkerThread& thread : worker.config.threads) {
    WorkerThread rest = thread;
    std::erase_if(rest.slots, [&](std::uint64_t slot) { return settled.contains(slot); });
    if (rest.slots.empty()) continue;
    std::erase_if(rest.doubled, [&](std::uint64_t slot) { return doubled.contains(slot); });
    for (const std::uint64_t slot : rest.slots) {
      if (begun.contains(slot)) rest.replaced.push_back(slot);
    }
    result.push_back(std::move(rest));
  }
  return result;
}

}  // namespace stress
