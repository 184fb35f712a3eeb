#include "harness/target/builtin_program.h"

#include <nlohmann/json.hpp>

namespace stress {
namespace {

/// What `orchestrator --json` has printed; null where that is no JSON.
nlohmann::json printed_by(const base::Outcome& outcome) {
  nlohmann::json json = nlohmann::json::parse(outcome.out, nullptr, false);
  return json.is_discarded() ? nlohmann::json() : json;
}

}  // namespace

std::vector<std::string> subcommand_of(const Request& request) {
  const std::string& kind = request.kind;
  if (kind == "spawn") {
    const SpawnArguments& spawn = request.spawn;
    std::vector<std::string> argv = {"spawn",    "--task",   spawn.task,   "--type",
                                     spawn.type, "--prompt", "Do no harm."};
    if (!spawn.parent.empty()) argv.insert(argv.end(), {"--parent", spawn.parent});
    if (spawn.unique_type) argv.emplace_back("--unique-type");
    return argv;
  }
  if (kind == "update") {
    std::vector<std::string> argv = {"update", request.agent};
    for (const auto& [field, value] : request.writes) {
      argv.insert(argv.end(), {"--" + field, value});
    }
    return argv;
  }
  if (kind == "kill") return {"kill", request.agent};
  if (kind == "list" || kind == "validate" || kind == "repair") return {kind};
  return {};
}

Reply reply_of(const std::string& kind, const base::Outcome& outcome) {
  constexpr int kRefusedCode = 3;
  constexpr int kNotFoundCode = 4;
  // Validator and repair: something was found.
  const bool finds = kind == "validate" || kind == "repair";
  Reply reply{.error = outcome.err};
  if (outcome.exit_code == kRefusedCode || outcome.exit_code == kNotFoundCode) {
    reply.outcome = OpOutcome::kRefused;
  }
  if (outcome.exit_code != 0 && !(finds && outcome.exit_code == 1)) return reply;
  const nlohmann::json json = printed_by(outcome);
  if (kind == "spawn") {
    if (!json.is_object() || !json.contains("agent_id")) return reply;
    reply.agent = json["agent_id"].get<std::string>();
  }
  if (kind == "list" && json.is_object()) {
    for (const nlohmann::json& agent : json.value("agents", nlohmann::json::array())) {
      reply.seen.push_back(agent.value("id", ""));
    }
  }
  reply.outcome = OpOutcome::kOk;
  reply.error.clear();
  return reply;
}

}  // namespace stress
