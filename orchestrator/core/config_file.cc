#include "orchestrator/core/config_file.h"

#include <chrono>

#include "orchestrator/base/file_io.h"

namespace orc {
namespace {

// Far more than anybody waits for, and a sum with any time of today stays a time.
constexpr std::chrono::milliseconds kTimeoutMax = std::chrono::years{10};

bool is_timeout(std::chrono::milliseconds timeout) {
  return timeout.count() > 0 && timeout <= kTimeoutMax;
}

Json to_json(const Config& config) {
  Json json;
  json["workspace_id"] = config.workspace_id;
  json["sessions"] = config.sessions;
  json["tmux_socket"] = config.tmux_socket;
  json["tmux_own_server"] = config.tmux_own_server;
  json["session_log"] = config.session_log;
  json["operations_log"] = config.operations_log;
  json["lock_timeout_ms"] = config.lock_timeout.count();
  json["start_timeout_ms"] = config.start_timeout.count();
  json["agent_command"] = config.agent_command;
  return json;
}

/// Throws nlohmann's exceptions on a wrong type; absent settings keep their defaults.
Config from_json(const Json& json) {
  const Config defaults;
  Config config;
  config.workspace_id = json.at("workspace_id").get<std::string>();
  config.sessions = json.value("sessions", defaults.sessions);
  config.tmux_socket = json.value("tmux_socket", defaults.tmux_socket);
  config.tmux_own_server = json.value("tmux_own_server", defaults.tmux_own_server);
  config.session_log = json.value("session_log", defaults.session_log);
  config.operations_log = json.value("operations_log", defaults.operations_log);
  config.lock_timeout =
      std::chrono::milliseconds(json.value("lock_timeout_ms", defaults.lock_timeout.count()));
  config.start_timeout =
      std::chrono::milliseconds(json.value("start_timeout_ms", defaults.start_timeout.count()));
  config.agent_command = json.value("agent_command", defaults.agent_command);
  return config;
}

}  // namespace

base::Status check_config(const Config& config) {
  using base::Errc;
  if (auto ok = check_name("workspace_id", config.workspace_id); !ok) return ok;
  if (config.sessions != "tmux" && config.sessions != "process") {
    return base::fail(Errc::kInvalid, "sessions: '{}' is neither tmux nor process",
                      config.sessions);
  }
  if (!config.tmux_socket.empty() && config.tmux_socket.front() != '/') {
    if (auto ok = check_name("tmux_socket", config.tmux_socket); !ok) return ok;
  }
  if (!is_timeout(config.lock_timeout) || !is_timeout(config.start_timeout)) {
    return base::fail(Errc::kInvalid,
                      "lock_timeout_ms and start_timeout_ms must be within 1 and {} (ten years)",
                      kTimeoutMax.count());
  }
  for (const std::string& word : config.agent_command) {
    if (auto ok = check_text("agent_command", word, 8 << 10); !ok) return ok;
  }
  return {};
}

base::Status write_config(const std::filesystem::path& path, const Config& config) {
  return base::replace_file(path, to_json(config).dump(2) + "\n");
}

base::Result<Config> read_config(const std::filesystem::path& path) {
  auto text = base::read_file(path);
  if (!text) return std::unexpected(text.error());
  Config config;
  try {
    config = from_json(Json::parse(*text));
  } catch (const Json::exception& e) {
    return base::fail(base::Errc::kDamaged, "{} is damaged: {}", path.string(), e.what());
  }
  if (auto ok = check_config(config); !ok) {
    return base::fail(base::Errc::kDamaged, "{} is damaged: {}", path.string(), ok.error().message);
  }
  return config;
}

}  // namespace orc
