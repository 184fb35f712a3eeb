#include "harness/target/builtin.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <mutex>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/target/builtin_program.h"
#include "orchestrator/base/subprocess.h"
#include "orchestrator/core/agents.h"
#include "orchestrator/core/spawner.h"
#include "orchestrator/core/tasks.h"
#include "orchestrator/core/validator.h"
#include "orchestrator/core/workspace.h"
#include "orchestrator/session/tmux_listing.h"

namespace stress {
namespace {

namespace fs = std::filesystem;
using base::Errc;

constexpr std::string_view kTasks[] = {"TASK-A", "TASK-B"};

/// Beside this program, as built and as installed; else by PATH.
fs::path find_program(std::string_view name) {
  std::error_code error;
  fs::path beside = fs::read_symlink("/proc/self/exe", error).parent_path() / name;
  if (!error && ::access(beside.c_str(), X_OK) == 0) return beside;
  return name;
}

ObservationMap observation_map(const fs::path& workspace) {
  ObservationMap map;  // whose defaults are this registry's places
  map.file = workspace / "registry.json";
  map.fields = {{"message", "/message"}, {"progress", "/progress"}};
  map.count_total = map.task_count_total = "/counts/agents_total";
  map.count_active = map.task_count_active = "/counts/agents_active";
  map.count_completed = map.task_count_completed = "/counts/agents_completed";
  map.checksum = "/checksum";
  return map;
}

/// The codes by which the library promises that nothing was changed; all else may have happened.
Reply failed(const base::Error& error) {
  const bool no_effect = error.code == Errc::kRefused || error.code == Errc::kNotFound ||
                         error.code == Errc::kInvalid || error.code == Errc::kExists;
  return {.outcome = no_effect ? OpOutcome::kRefused : OpOutcome::kInfo, .error = error.message};
}

base::Result<orc::AgentUpdate> parse_update(const std::map<std::string, std::string>& writes) {
  orc::AgentUpdate update;
  for (const auto& [field, value] : writes) {
    if (field == "status") {
      const auto status = orc::parse_agent_status(value);
      if (!status) return std::unexpected(status.error());
      update.status = *status;
    } else if (field == "progress") {
      int progress = 0;
      const char* end = value.data() + value.size();
      if (std::from_chars(value.data(), end, progress).ptr != end || value.empty()) {
        return base::fail(Errc::kInvalid, "progress '{}' is no number", value);
      }
      update.progress = progress;
    } else if (field == "message") {
      update.message = value;
    } else {
      return base::fail(Errc::kInvalid, "agents have no field '{}' to update", field);
    }
  }
  return update;
}

/// A record of an agent that has come and gone, about as long as a real one.
orc::Agent ended_record(int number) {
  const auto type = fmt::format("preload{}", number);
  const base::WallTime now = base::wall_now();
  orc::Agent agent;
  agent.id = orc::new_agent_id(type, now);
  agent.task_id = kTasks[static_cast<std::size_t>(number) % std::size(kTasks)];
  agent.type = type;
  agent.status = orc::AgentStatus::kCompleted;
  agent.progress = 100;
  agent.message = "Finished before the run began.";
  agent.prompt = std::string(200, '.');
  agent.created_at = agent.updated_at = now;
  agent.started_at = agent.ended_at = now;
  return agent;
}

class Builtin final : public Target {
 public:
  explicit Builtin(const RunPlace& place)
      : place_(place),
        orchestrator_(find_program("orchestrator")),
        observer_(observation_map(place.workspace)) {}

  [[nodiscard]] TargetFacts facts() const override;
  base::Status setup(const TargetSetup& setup) override;
  base::Status attach(RunPlace& place, bool commands) override;
  Reply spawn(const SpawnArguments& arguments) override;
  Reply kill(const std::string& agent) override;
  Reply update(const std::string& agent, const std::map<std::string, std::string>& writes) override;
  Reply list() override;
  Reply validate() override;
  [[nodiscard]] std::optional<OperationProgram> program(const Request& request) const override;
  RepairReply repair(bool dry_run) override;
  [[nodiscard]] const Observer& observer() const override { return observer_; }
  [[nodiscard]] std::vector<fs::path> declared_logs() const override {
    return {place_.workspace / "operations.jsonl", place_.workspace / "operations.jsonl.1"};
  }
  [[nodiscard]] SessionNaming session_naming() const override;
  [[nodiscard]] bool in_transit(const std::string& command) const override;
  [[nodiscard]] std::vector<std::string> tasks() const override {
    return {std::begin(kTasks), std::end(kTasks)};
  }
  [[nodiscard]] std::vector<fs::path> watched() const override { return {place_.workspace}; }
  [[nodiscard]] std::chrono::milliseconds reply_deadline() const override {
    const orc::Config config;  // a spawn waits for its place before it waits for the lock
    return config.start_timeout + config.lock_timeout + std::chrono::seconds(10);
  }

 private:
  /// Opened at the first use: a worker is made before it is told what to do. A failure is not
  /// remembered, since a fault may have caused it.
  base::Result<const orc::Workspace*> workspace() const;
  base::Status fill(const orc::Workspace& workspace, const TargetSetup& setup) const;

  RunPlace place_;
  fs::path orchestrator_;
  Observer observer_;
  TargetSetup setup_;
  mutable std::mutex mutex_;
  mutable std::optional<orc::Workspace> workspace_;
};

base::Result<const orc::Workspace*> Builtin::workspace() const {
  const std::lock_guard lock(mutex_);
  if (!workspace_) {
    auto opened = orc::Workspace::open(place_.workspace);
    if (!opened) return std::unexpected(opened.error());
    workspace_.emplace(*std::move(opened));
  }
  return &*workspace_;
}

TargetFacts Builtin::facts() const {
  const auto limit = [](int value) { return value > 0 ? std::optional(value) : std::nullopt; };
  TargetFacts facts;
  facts.name = "builtin";
  facts.sessions = place_.sessions;
  facts.live_snapshots = true;
  facts.has_repair = true;
  facts.has_dry_run = true;
  facts.has_counts = true;
  facts.has_hierarchy = true;
  facts.limits_always = true;
  facts.promises_durable = true;
  facts.agents_report = !place_.live;
  facts.promises_no_duplicates = setup_.unique_types;
  facts.loads_per_spawn = 2;
  facts.loads_per_gate = 1;
  facts.max_concurrent = limit(setup_.max_concurrent);
  if (setup_.max_agents > 0) facts.max_agents = setup_.max_agents + setup_.preload;
  facts.max_depth = limit(setup_.max_depth);
  facts.root_parent = orc::kRootParent;
  facts.active = {"starting", "running", "working", "blocked", "stopping"};
  facts.claims_session = {"running", "working", "blocked"};
  facts.terminal = {"completed", "error", "failed", "terminated"};
  return facts;
}

base::Status Builtin::setup(const TargetSetup& setup) {
  setup_ = setup;
  const orc::Limits limits{
      .max_concurrent = setup.max_concurrent,
      .max_agents = setup.max_agents > 0 ? setup.max_agents + setup.preload : 0,
      .max_depth = setup.max_depth};
  orc::Config config;
  config.sessions = place_.sessions;
  if (place_.sessions == "tmux") config.tmux_socket = place_.tmux_socket.string();
  config.agent_command = {find_program("spawnstorm-agent").string(), place_.agent_log.string(),
                          "{agent_id}"};
  const auto made = orc::Workspace::init(place_.workspace, config, limits);
  if (!made) return std::unexpected(made.error());
  for (const std::string_view id : kTasks) {
    const auto task = orc::create_task(
        *made, {.id = std::string(id), .description = "Survive the storm.", .limits = limits});
    if (!task) return std::unexpected(task.error());
  }
  return fill(*made, setup);
}

base::Status Builtin::attach(RunPlace& place, bool /*commands*/) {
  const auto open = workspace();
  if (!open) return std::unexpected(open.error());
  const orc::Config& config = (*open)->config();
  place.sessions = config.sessions;
  std::string socket = config.tmux_socket;
  if (socket.empty()) {
    socket = config.tmux_own_server ? "spawnstorm-" + config.workspace_id : "default";
  }
  place.tmux_socket = tmux_socket_folder(place.env) / socket;  // an absolute one stays as it is
  place_ = place;
  setup_ = {.max_depth = 0};
  // One that cannot be read has no limits to be held to, and is found to be so by its observer.
  if (const auto state = (*open)->store().read()) {
    const orc::Limits& limits = (*state)->limits();
    setup_.max_concurrent = limits.max_concurrent;
    setup_.max_agents = limits.max_agents;
    setup_.max_depth = limits.max_depth;
  }
  return {};
}

base::Status Builtin::fill(const orc::Workspace& workspace, const TargetSetup& setup) const {
  if (setup.preload <= 0) return {};
  const auto commit =
      workspace.store().transact("preload", "", [&](orc::Transaction& transaction) -> base::Status {
        for (int i = 0; i < setup.preload; ++i) transaction.put(ended_record(i));
        return {};
      });
  if (!commit) return std::unexpected(commit.error());
  return {};
}

Reply Builtin::spawn(const SpawnArguments& arguments) {
  const auto open = workspace();
  if (!open) return {.error = open.error().message};
  orc::SpawnRequest request;
  request.task_id = arguments.task;
  request.type = arguments.type;
  if (!arguments.parent.empty()) request.parent = arguments.parent;
  request.prompt = "Do no harm.";
  request.unique_type = arguments.unique_type;
  const auto spawned = orc::Spawner(**open, orchestrator_).spawn(request);
  if (!spawned) return failed(spawned.error());
  return {.outcome = OpOutcome::kOk, .agent = spawned->agent_id};
}

Reply Builtin::kill(const std::string& agent) {
  const auto open = workspace();
  if (!open) return {.error = open.error().message};
  const auto killed = orc::kill_agent(**open, agent, "killed by the storm");
  if (!killed) return failed(killed.error());
  return {.outcome = OpOutcome::kOk};
}

Reply Builtin::update(const std::string& agent, const std::map<std::string, std::string>& writes) {
  const auto open = workspace();
  if (!open) return {.error = open.error().message};
  const auto update = parse_update(writes);
  if (!update) return failed(update.error());
  const auto version = orc::update_agent(**open, agent, *update);
  if (!version) return failed(version.error());
  return {.outcome = OpOutcome::kOk};
}

Reply Builtin::list() {
  const auto open = workspace();
  if (!open) return {.error = open.error().message};
  const auto state = (*open)->store().read();
  if (!state) return {.error = state.error().message};
  Reply reply{.outcome = OpOutcome::kOk};
  for (const auto& entry : (*state)->agents()) reply.seen.emplace_back(entry.id);
  return reply;
}

Reply Builtin::validate() {
  const auto open = workspace();
  if (!open) return {.error = open.error().message};
  // Findings are no failure: in a storm there is something to find.
  const auto report = orc::validate(**open);
  if (!report) return {.error = report.error().message};
  return {.outcome = OpOutcome::kOk};
}

std::optional<OperationProgram> Builtin::program(const Request& request) const {
  const std::vector<std::string> subcommand = subcommand_of(request);
  if (subcommand.empty()) return std::nullopt;
  OperationProgram program;
  program.command.argv = {orchestrator_.string(), "--workspace", place_.workspace.string(),
                          "--json"};
  program.command.argv.insert(program.command.argv.end(), subcommand.begin(), subcommand.end());
  program.command.env = place_.env;
  program.command.timeout = reply_deadline();
  program.reply = [kind = request.kind](const base::Outcome& outcome) {
    return reply_of(kind, outcome);
  };
  return program;
}

/// What `orchestrator repair --json` has printed. nullopt: no report.
std::optional<std::int64_t> count_repairs(const std::string& output, bool dry_run) {
  const auto json = nlohmann::json::parse(output, nullptr, false);
  if (!json.is_object() || !json.contains("findings")) return std::nullopt;
  const auto& findings = json["findings"];
  return std::ranges::count_if(findings, [dry_run](const nlohmann::json& finding) {
    return dry_run ? !finding.value("repair", "").empty() : finding.value("repaired", false);
  });
}

RepairReply Builtin::repair(bool dry_run) {
  base::Command command;
  command.argv = {orchestrator_.string(), "--workspace", place_.workspace.string(), "repair",
                  "--json"};
  if (dry_run) command.argv.emplace_back("--dry-run");
  command.env = place_.env;
  command.timeout = std::chrono::minutes(5);  // it ends sessions one by one
  const auto outcome = base::run(command);
  if (!outcome) return {.ok = false, .error = outcome.error().message};
  const auto repairs = count_repairs(outcome->out, dry_run);
  if (repairs) return {.reported = repairs};  // exit 1: something is left that it never repairs
  if (outcome->timed_out) return {.ok = false, .error = "repair did not end within 5 minutes"};
  return {.ok = false,
          .error = fmt::format("repair: exit {}, signal {}: {}", outcome->exit_code,
                               outcome->signal, outcome->err)};
}

SessionNaming Builtin::session_naming() const {
  SessionNaming naming{.prefix = orc::session_name(""), .agents_are_stand_ins = !place_.live};
  const auto open = workspace();
  if (!open) return naming;
  if (place_.sessions == "tmux") naming.option = orc::kWorkspaceOption;
  naming.value = (*open)->config().workspace_id;
  return naming;
}

/// The gate in a new session; a client that asks the server for something (-N: it never becomes the
/// server); and the program itself.
bool Builtin::in_transit(const std::string& command) const {
  return command.starts_with(orchestrator_.string() + " ") || command.starts_with("tmux -N ");
}

}  // namespace

std::unique_ptr<Target> make_builtin(const RunPlace& place) {
  return std::make_unique<Builtin>(place);
}

void register_builtin() { register_target("builtin", &make_builtin); }

}  // namespace stress
