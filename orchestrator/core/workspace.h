#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/base/error.h"
#include "orchestrator/registry/json_store.h"
#include "orchestrator/session/session_host.h"

namespace orc {

/// What `init` was told, kept in config.json and read by every later call.
struct Config {
  std::string workspace_id;       ///< random; marks this workspace's sessions
  std::string sessions = "tmux";  ///< "tmux" or "process"
  std::string tmux_socket;        ///< name or absolute path; empty: see tmux_own_server
  bool tmux_own_server = true;    ///< a private server; else the user's default one
  bool session_log = true;        ///< keep what sessions print in logs/<agent>.log
  bool operations_log = true;
  std::chrono::milliseconds lock_timeout{15'000};
  std::chrono::milliseconds start_timeout{30'000};  ///< then a `starting` record may be fenced
  std::vector<std::string> agent_command;  ///< used where spawn names none; placeholders allowed
};

struct OpenOptions {
  bool operations_log = true;  ///< false: none for this process, whatever config.json says
  /// Where agents live instead of what config.json says: for programs with sessions of their own.
  std::unique_ptr<SessionHost> host = nullptr;
};

/// A folder with a registry, and the way to its sessions.
///   config.json  registry.json  registry.lock  backups/  quarantine/  prompts/  logs/
///   starts/
/// Thread-safety: const after open; store() and host() are thread-safe themselves.
class Workspace {
 public:
  /// Makes the folder (and its parents) where missing. A second init of the same folder is refused.
  /// A crash in the middle leaves a folder that init completes.
  /// Errors: kExists, kInvalid, kIo.
  static base::Result<Workspace> init(const std::filesystem::path& root, Config config,
                                      const Limits& limits);
  /// Errors: kNotFound ("… is no workspace: run `orchestrator init`"), kDamaged (config.json), kIo.
  static base::Result<Workspace> open(const std::filesystem::path& root, OpenOptions options = {});

  [[nodiscard]] const std::filesystem::path& root() const { return root_; }
  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] Store& store() const { return *store_; }
  [[nodiscard]] SessionHost& host() const { return *host_; }
  [[nodiscard]] std::filesystem::path prompt_folder() const { return root_ / "prompts"; }
  [[nodiscard]] std::filesystem::path start_folder() const { return root_ / "starts"; }
  [[nodiscard]] std::filesystem::path prompt_file(std::string_view agent_id) const;
  [[nodiscard]] std::filesystem::path log_file(std::string_view agent_id) const;

 private:
  Workspace(std::filesystem::path root, Config config, OpenOptions options);
  std::filesystem::path root_;  ///< canonical
  Config config_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<SessionHost> host_;
};

/// Errors: kInvalid (a negative limit).
base::Status check_limits(const Limits& limits);

}  // namespace orc
