#include "orchestrator/core/workspace.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <utility>

#include "orchestrator/base/random_id.h"
#include "orchestrator/base/unique_fd.h"
#include "orchestrator/core/config_file.h"

namespace orc {
namespace fs = std::filesystem;
namespace {

using base::Errc;

std::unique_ptr<SessionHost> make_host(const Config& config) {
  if (config.sessions == "process") return make_process_host();
  TmuxOptions options;
  options.private_server = config.tmux_own_server;
  options.socket = config.tmux_socket;
  if (options.socket.empty() && config.tmux_own_server) {
    options.socket = "spawnstorm-" + config.workspace_id;
  }
  return make_tmux_host(std::move(options));
}

std::unique_ptr<Store> make_store(const fs::path& root, const Config& config, bool log) {
  JsonStoreOptions options;
  options.lock_timeout = config.lock_timeout;
  options.operations_log = log && config.operations_log;
  return open_json_store(root, options);
}

/// One init at a time: two of them would give the folder two names. The lock is on a folder, so it
/// leaves no file, and ends with the process; not on the root, which is the turnstile of the
/// registry's lock: the store would wait there for its own init.
base::Result<base::UniqueFd> lock_folder(const fs::path& root) {
  base::UniqueFd fd(::open((root / "prompts").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return base::fail_errno(errno, "open", root / "prompts");
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return base::fail_errno(errno, "lock", root);
    return base::fail(Errc::kExists, "{}: another init of this folder is under way", root.string());
  }
  return fd;
}

/// Folders that exist already keep their mode: they may be their owner's in other ways too.
base::Status make_folders(const fs::path& root) {
  for (const fs::path& folder : {root, root / "prompts", root / "logs"}) {
    std::error_code error;
    const bool made = fs::create_directories(folder, error);
    if (made && !error) fs::permissions(folder, fs::perms::owner_all, error);
    if (error) return base::fail_errno(error.value(), "create folder", folder);
  }
  return {};
}

/// What a killed init left. Only init writes config.json, and the caller holds its lock.
void remove_temporaries(const fs::path& root) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root, error)) {
    if (!entry.path().filename().string().starts_with("config.json.tmp-")) continue;
    fs::remove(entry.path(), error);
  }
}

}  // namespace

Workspace::Workspace(fs::path root, Config config, OpenOptions options)
    : root_(std::move(root)),
      config_(std::move(config)),
      store_(make_store(root_, config_, options.operations_log)),
      host_(options.host ? std::move(options.host) : make_host(config_)) {}

base::Result<Workspace> Workspace::init(const fs::path& root, Config config, const Limits& limits) {
  if (config.workspace_id.empty()) config.workspace_id = base::random_id();
  if (auto ok = check_config(config); !ok) return std::unexpected(ok.error());
  if (auto ok = check_limits(limits); !ok) return std::unexpected(ok.error());
  if (auto ok = make_folders(root); !ok) return std::unexpected(ok.error());
  auto lock = lock_folder(root);
  if (!lock) return std::unexpected(lock.error());

  // A registry without a configuration is an init that was killed: it is completed here.
  const auto created = make_store(root, config, true)->create(limits);
  std::error_code error;
  const bool complete = fs::exists(root / "config.json", error);
  if (error) return base::fail_errno(error.value(), "look for", root / "config.json");
  if (!created && (created.error().code != Errc::kExists || complete)) {
    return created.error().code == Errc::kExists
               ? base::fail(Errc::kExists, "{} is a workspace already", root.string())
               : std::unexpected(created.error());
  }
  remove_temporaries(root);
  if (auto ok = write_config(root / "config.json", config); !ok) {
    return std::unexpected(ok.error());
  }
  return open(root);
}

base::Result<Workspace> Workspace::open(const fs::path& root, OpenOptions options) {
  std::error_code error;
  const fs::path canonical = fs::canonical(root, error);
  // A folder that cannot be looked at may well be a workspace.
  if (error && error.value() != ENOENT && error.value() != ENOTDIR) {
    return base::fail_errno(error.value(), "open workspace", root);
  }
  auto config = error ? base::Result<Config>(base::fail(Errc::kNotFound, "no folder"))
                      : read_config(canonical / "config.json");
  if (!config) {
    if (config.error().code != Errc::kNotFound) return std::unexpected(config.error());
    if (fs::exists(canonical / "registry.json", error)) {
      return base::fail(Errc::kDamaged,
                        "{}: config.json is missing; `orchestrator init` writes a new one",
                        canonical.string());
    }
    return base::fail(Errc::kNotFound, "{} is no workspace: run `orchestrator init`",
                      root.string());
  }
  return Workspace(canonical, *std::move(config), std::move(options));
}

fs::path Workspace::prompt_file(std::string_view agent_id) const {
  return prompt_folder() / (std::string(agent_id) + ".md");
}

fs::path Workspace::log_file(std::string_view agent_id) const {
  return root_ / "logs" / (std::string(agent_id) + ".log");
}

base::Status check_limits(const Limits& limits) {
  if (limits.max_concurrent >= 0 && limits.max_agents >= 0 && limits.max_depth >= 0) return {};
  return base::fail(Errc::kInvalid, "limits must be 0 (unlimited) or more");
}

}  // namespace orc
