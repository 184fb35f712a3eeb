#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "harness/campaign/collector.h"
#include "harness/campaign/stage.h"
#include "harness/workload/worker.h"

namespace stress {

/// The workers of a storm. Whenever one is killed, a new one is started in its place and works off
/// what its history shows as not acknowledged. Its own thread is the caller's.
class Crew {
 public:
  /// `policy` decides about this crew's system calls. Both must outlive the engine.
  Crew(Stage& stage, Policy& policy, Collector& collector, WorkerConfig common);

  /// Starts one worker with these threads, whose states stand side by side.
  /// Errors: those of Engine::launch.
  base::Status start(std::vector<WorkerThread> threads);

  /// Waits up to `slice` for deaths, and replaces the dead. False: nobody is left and nothing owed.
  bool tend(std::chrono::milliseconds slice);

  /// From now on nobody is replaced.
  void stand_down() { replacing_ = false; }
  /// The living ones, by the engine's numbers.
  [[nodiscard]] std::vector<std::uint32_t> workers() const;

 private:
  struct Worker {
    WorkerConfig config;
    std::filesystem::path output;
  };
  struct Death {
    std::uint32_t root;
    int status;
  };
  /// Where the engine's thread reports deaths; it may do so after this crew is gone.
  struct Inbox {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Death> deaths;
  };
  base::Status launch(WorkerConfig config);
  void bury(const Death& death);
  std::vector<WorkerThread> owed(const Worker& worker, const Evidence& done) const;

  Stage& stage_;
  Policy& policy_;
  Collector& collector_;
  WorkerConfig common_;
  std::uint64_t launches_ = 0;
  bool replacing_ = true;
  std::map<std::uint32_t, Worker> workers_;
  std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
};

}  // namespace stress
