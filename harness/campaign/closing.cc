#include "harness/campaign/closing.h"

#include <chrono>

#include "harness/campaign/aftermath.h"

namespace stress {

using namespace std::chrono_literals;

namespace {

constexpr auto kRest = 60s;

}  // namespace

void close_run(Stage& stage, Snapshots& snapshots, Canaries& canaries, Collector& collector,
               const std::string& damage, const std::function<bool()>& after_repair) {
  Aftermath aftermath(stage.target(), stage.probe(), snapshots, stage.group(), collector,
                      stage.place());
  if (!aftermath.quiesce(stage.engine(), kRest)) return;
  aftermath.damage(damage);
  aftermath.repair();
  if (after_repair && !(after_repair() && aftermath.quiesce(stage.engine(), kRest))) return;
  aftermath.observe();
  canaries.compare(collector);
  canaries.end();
  stage.end_second();
  aftermath.keep_registry(stage.folder().results() / "registry-final");
  aftermath.shut_down(20s);
  if (base::Status ended = stage.end_group(); !ended) {
    collector.with([&](Evidence& evidence) {
      const bool processes = ended.error().code == base::Errc::kTimeout;
      evidence.leftovers.push_back({processes ? "process" : "cgroup", ended.error().message});
    });
  }
  collector.with([](Evidence& evidence) { evidence.finished = true; });
}

}  // namespace stress
