#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "harness/campaign/collector.h"
#include "harness/campaign/session_probe.h"
#include "harness/target/target.h"
#include "orchestrator/base/process_identity.h"

namespace stress {

/// Strangers that a repair must not touch: sessions of nobody's on the same server, with names that
/// begin like the target's (`…-1` and `…-10`), a process in the workspace's folder, and a second
/// workspace of the same target.
class Canaries {
 public:
  /// `second` may be null: no second workspace.
  Canaries(SessionProbe& probe, const RunPlace& place, const SessionNaming& naming,
           const Target* second, std::filesystem::path second_folder)
      : probe_(probe),
        place_(place),
        naming_(naming),
        second_(second),
        second_folder_(std::move(second_folder)) {}

  enum class Where { kOnTheServer, kBesideNoServer };
  /// Without a server there are no sessions among them.
  base::Status plant(Where where = Where::kOnTheServer);
  /// Remembers how they are now; compared by `compare`.
  void remember() { before_ = states(); }
  /// Puts one Bystander each into the evidence.
  void compare(Collector& collector) const;
  /// Ends the processes among them: what then is left is the target's. Sessions end with the host.
  void end() const;

 private:
  struct Planted {
    std::string kind;
    std::string name;
    std::int64_t pid = 0;
  };
  base::Status plant_sessions();
  [[nodiscard]] std::map<std::pair<std::string, std::string>, std::string> states() const;

  SessionProbe& probe_;
  const RunPlace& place_;
  const SessionNaming& naming_;
  const Target* second_;
  std::filesystem::path second_folder_;
  std::vector<Planted> planted_;
  std::vector<base::ProcessIdentity> processes_;  ///< all that ever were planted
  std::map<std::pair<std::string, std::string>, std::string> before_;
};

}  // namespace stress
