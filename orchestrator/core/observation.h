#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "orchestrator/core/workspace.h"

namespace orc {

/// What the validator sees of a workspace in one look, in this order: the prompt folder, the
/// sessions, the registry under its lock, the sessions again, the user's own tmux server where an
/// imported agent may live on it, the registry once more without the lock. The last is used only
/// for what never changes (ended records, parents, depths), so that ten thousand ended records are
/// not parsed while spawners wait.
struct Observation {
  std::optional<base::Error> damage;  ///< the registry is illegible; the rest is empty then

  std::optional<base::Error> host_error;  ///< the host did not answer; the listings are empty then
  Listing before;
  Listing after;

  Listing users;  ///< the user's own server; empty where no active agent is an imported one
  std::optional<base::Error> users_error;  ///< it did not answer

  /// Under the lock. A record that does not parse is left to `later`; of several with one id only
  /// the first is looked at, as changes only reach that one.
  std::vector<Agent> active;
  std::set<std::string, std::less<>> duplicate_ids;
  Counts counts, stored_counts;
  std::map<std::string, Counts> counts_by_task, stored_counts_by_task;
  int agents_total = 0;

  std::unique_ptr<RegistryState> later;
  std::vector<std::string> leftovers;   ///< of the store
  std::vector<std::string> prompt_ids;  ///< names of prompt files that are ids of ours

  /// One server, or none, answered both times.
  [[nodiscard]] bool host_is_steady() const {
    return !host_error && before.server_running == after.server_running &&
           before.server == after.server;
  }
};

/// Looks again, a few times, where the server was replaced in between. Changes nothing.
/// Errors: kTimeout (lock), kIo, kNotFound.
base::Result<Observation> observe(const Workspace& workspace);

}  // namespace orc
