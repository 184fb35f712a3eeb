#include <nlohmann/json.hpp>

#include "harness/workload/worker.h"
#include "orchestrator/base/file_io.h"

namespace stress {

using nlohmann::json;

namespace {

json to_json(const std::vector<ScriptStep>& script) {
  json steps = json::array();
  for (const ScriptStep& step : script) {
    steps.push_back(
        {{"kind", step.kind}, {"task", step.task}, {"type", step.type}, {"agent", step.agent}});
  }
  return steps;
}

json to_json(const WorkerThread& thread) {
  return {{"client", thread.client},
          {"state", thread.state},
          {"slots", thread.slots},
          {"replaced", thread.replaced},
          {"script", to_json(thread.script)},
          {"doubled", thread.doubled},
          {"second_state", thread.second_state}};
}

WorkerThread thread_from_json(const json& value) {
  WorkerThread thread{
      value.at("client"), value.at("state"), value.at("slots"), value.at("replaced"), {}};
  thread.doubled = value.at("doubled").get<std::vector<std::uint64_t>>();
  thread.second_state = value.at("second_state");
  for (const json& step : value.at("script")) {
    thread.script.push_back({step.at("kind"), step.at("task"), step.at("type"), step.at("agent")});
  }
  return thread;
}

json to_json(const RunPlace& place) {
  return {{"workspace", place.workspace.string()},
          {"agent_log", place.agent_log.string()},
          {"tmux_socket", place.tmux_socket.string()},
          {"sessions", place.sessions},
          {"env", place.env}};
}

RunPlace place_from_json(const json& value) {
  RunPlace place;
  place.workspace = value.at("workspace").get<std::string>();
  place.agent_log = value.at("agent_log").get<std::string>();
  place.tmux_socket = value.at("tmux_socket").get<std::string>();
  place.sessions = value.at("sessions");
  place.env = value.at("env").get<std::vector<std::string>>();
  return place;
}

}  // namespace

base::Status store_config(const WorkerConfig& config, const std::filesystem::path& file) {
  json threads = json::array();
  for (const WorkerThread& thread : config.threads) threads.push_back(to_json(thread));
  const json value = {{"target", config.target},
                      {"place", to_json(config.place)},
                      {"seed", config.seed},
                      {"first_op", config.first_op},
                      {"control", config.control.string()},
                      {"history", config.history.string()},
                      {"update_rate", config.update_rate},
                      {"kill_rate", config.kill_rate},
                      {"list_rate", config.list_rate},
                      {"validate_rate", config.validate_rate},
                      {"child_rate", config.child_rate},
                      {"unique_types", config.unique_types},
                      {"types", config.types},
                      {"accept_refusals", config.accept_refusals},
                      {"attempts_max", config.attempts_max},
                      {"threads", threads}};
  return base::replace_file(file, value.dump(1));
}

base::Result<WorkerConfig> load_config(const std::filesystem::path& file) {
  const base::Result<std::string> text = base::read_file(file);
  if (!text) return std::unexpected(text.error());
  try {
    const json value = json::parse(*text);
    WorkerConfig config;
    config.target = value.at("target");
    config.place = place_from_json(value.at("place"));
    config.seed = value.at("seed");
    config.first_op = value.at("first_op");
    config.control = value.at("control").get<std::string>();
    config.history = value.at("history").get<std::string>();
    config.update_rate = value.at("update_rate");
    config.kill_rate = value.at("kill_rate");
    config.list_rate = value.at("list_rate");
    config.validate_rate = value.at("validate_rate");
    config.child_rate = value.at("child_rate");
    config.unique_types = value.at("unique_types");
    config.types = value.at("types");
    config.accept_refusals = value.at("accept_refusals");
    config.attempts_max = value.at("attempts_max");
    for (const json& thread : value.at("threads")) {
      config.threads.push_back(thread_from_json(thread));
    }
    return config;
  } catch (const json::exception& error) {
    return base::fail(base::Errc::kInvalid, "{}: {}", file.string(), error.what());
  }
}

}  // namespace stress
