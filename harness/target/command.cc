#include "harness/target/command.h"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/target/command_reply.h"
#include "harness/target/observation_sources.h"
#include "harness/target/placeholders.h"
#include "harness/target/stand_ins.h"
#include "harness/target/tool_server.h"
#include "orchestrator/base/subprocess.h"

namespace stress {
namespace {

namespace fs = std::filesystem;

std::string variable(const RunPlace& place, std::string_view name) {
  const std::string key = std::string(name) + "=";
  for (const std::string& entry : place.env) {
    if (entry.starts_with(key)) return entry.substr(key.size());
  }
  return {};
}

void set_variable(RunPlace& place, const std::string& name, const std::string& value) {
  std::erase_if(place.env, [&](const std::string& entry) { return entry.starts_with(name + "="); });
  place.env.push_back(name + "=" + value);
}

/// Those that mean the same all through a run.
Placeholders placeholders(const TargetFile& file, const RunPlace& place) {
  return {{"workspace", place.workspace.string()},
          {"target_dir", file.folder().string()},
          {"stress_dir", own_folder().string()},
          {"home", variable(place, "HOME")}};
}

/// Whether a process (its argv joined by spaces) runs this program: its first word, or that behind
/// an interpreter's, is the program's (with its folder, where it was found on PATH), and the first
/// argument that is no option (a script, a subcommand, a workspace) is among its own. What differs
/// from one operation to the next identifies nothing.
bool runs(const std::string& process, const std::vector<std::string>& argv) {
  const std::string padded = " " + process + " ";
  const auto word = std::find_if(argv.begin() + 1, argv.end(), [](const std::string& argument) {
    return !argument.empty() && !argument.starts_with('-');
  });
  return std::ranges::any_of(std::array{" ", "/"}, [&](const char* before) {
    const std::string program = before + argv.front() + " ";
    const std::size_t at = padded.find(program);
    if (at == std::string::npos) return false;
    if (std::ranges::count(padded.substr(1, at), ' ') > 1) return false;
    if (word == argv.end() || !placeholders_in(*word).empty()) return true;
    return padded.find(" " + *word + " ", at + program.size() - 1) != std::string::npos;
  });
}

/// After how long an operation is ended. The harness waits longer than the deadline that it judges
/// by: an operation is proven to be stuck by how it looks for some seconds beyond it, and one that
/// has been killed proves nothing.
std::chrono::milliseconds patience(const TargetFile& file) {
  constexpr std::chrono::milliseconds kBeyond{20'000};
  return file.timeout + std::min(10 * file.timeout, kBeyond);
}

/// How an operation came out.
struct Ran {
  OpOutcome outcome = OpOutcome::kInfo;
  std::string error;
  std::string out;   ///< what is looked into by JSON pointers
  std::string text;  ///< what regular expressions are held against
};

RpcServer mcp_server(const TargetFile& file, const RunPlace& place, const Placeholders& values) {
  RpcServer server;
  server.argv = expand(file.mcp, values);
  server.env = place.env;
  server.cwd = expand(file.cwd, values);
  server.log = place.agent_log.parent_path() / "logs" / fmt::format("mcp-{}.log", ::getpid());
  return server;
}

class CommandTarget final : public Target {
 public:
  CommandTarget(TargetFile file, const RunPlace& place)
      : file_(std::move(file)),
        place_(place),
        values_(placeholders(file_, place)),
        observer_(make_observer(file_.observe, place, values_, file_.timeout)),
        tools_(mcp_server(file_, place, values_), patience(file_)) {}

  [[nodiscard]] TargetFacts facts() const override;
  [[nodiscard]] TargetOffers offers() const override;
  [[nodiscard]] bool runs_commands() const override { return true; }
  base::Status setup(const TargetSetup& setup) override;
  base::Status attach(RunPlace& place, bool commands) override;
  Reply spawn(const SpawnArguments& arguments) override;
  Reply kill(const std::string& agent) override;
  Reply update(const std::string& agent, const std::map<std::string, std::string>& writes) override;
  Reply list() override;
  Reply validate() override;
  RepairReply repair(bool dry_run) override;
  base::Status shut_down() override;
  [[nodiscard]] const Observer& observer() const override { return *observer_; }
  [[nodiscard]] std::vector<fs::path> declared_logs() const override { return paths(file_.logs); }
  [[nodiscard]] SessionNaming session_naming() const override;
  [[nodiscard]] bool in_transit(const std::string& command) const override;
  [[nodiscard]] std::vector<std::string> tasks() const override { return file_.tasks; }
  [[nodiscard]] std::vector<fs::path> watched() const override { return paths(file_.watch); }
  [[nodiscard]] std::chrono::milliseconds reply_deadline() const override { return file_.timeout; }

 private:
  [[nodiscard]] std::vector<fs::path> paths(const std::vector<std::string>& texts) const {
    const std::vector<std::string> expanded = expand(texts, values_);
    return {expanded.begin(), expanded.end()};
  }
  [[nodiscard]] Ran run(const TargetCommand& command, const Placeholders& own,
                        bool dry_run = false);
  [[nodiscard]] Ran run_program(const TargetCommand& command, const Placeholders& values,
                                bool dry_run) const;
  [[nodiscard]] Ran call_tool(const TargetCommand& command, const Placeholders& values,
                              bool dry_run);
  /// All operations of a storm and after it.
  [[nodiscard]] std::vector<const TargetCommand*> operations() const;
  /// Whether the server has all tools that are to be called.
  base::Status check_tools();

  TargetFile file_;
  RunPlace place_;
  Placeholders values_;
  std::unique_ptr<Observer> observer_;
  ToolServer tools_;
};

TargetFacts CommandTarget::facts() const {
  const TargetPromises& promises = file_.promises;
  const TargetObservation& observe = file_.observe;
  const bool id_is_told = !file_.agent_id.variable.empty() || !file_.agent_id.after.empty();
  TargetFacts facts;
  facts.name = file_.name;
  facts.sessions = file_.sessions.kind;
  facts.live_snapshots = observe.reading != TargetObservation::Reading::kAtRest;
  facts.has_repair = file_.repair.has_value();
  facts.has_dry_run = file_.repair && file_.repair->has_dry_run();
  facts.has_counts = observe.has_counts();
  facts.has_hierarchy = TargetFile::uses(file_.spawn, "parent") && !observe.map.parent.empty();
  facts.limits_always = promises.limits_always;
  facts.limits_per_task = promises.limits_per_task;
  facts.promises_durable = promises.durable;
  facts.promises_no_duplicates = promises.no_duplicates;
  facts.removes_records = promises.removes_records;
  facts.keeps_finished_sessions = promises.keeps_finished_sessions;
  facts.idempotent_spawn = promises.idempotent_spawn;
  facts.agents_report = !place_.live && !file_.agent_binaries.empty() &&
                        (id_is_told || file_.sessions.kind != "none");
  facts.max_concurrent = promises.max_concurrent;
  facts.max_agents = promises.max_agents;
  facts.max_depth = promises.max_depth;
  facts.root_parent = observe.root;
  facts.active = observe.active;
  facts.claims_session = observe.claims;
  facts.terminal = observe.terminal;
  return facts;
}

TargetOffers CommandTarget::offers() const {
  TargetOffers offers;
  offers.kill = file_.kill.has_value();
  offers.list = file_.list.has_value();
  offers.validate = file_.validate.has_value();
  offers.parents = facts().has_hierarchy;
  offers.server_per_process = !file_.mcp.empty();
  offers.limits = offers.preload = offers.unique_types = offers.session_choice = false;
  offers.update_fields.clear();
  offers.partial_updates = false;
  if (!file_.update) return offers;
  for (const char* field : {"status", "message", "progress"}) {
    if (TargetFile::uses(*file_.update, field)) offers.update_fields.insert(field);
  }
  offers.statuses = file_.update->statuses;
  return offers;
}

Ran CommandTarget::run(const TargetCommand& command, const Placeholders& own, bool dry_run) {
  Placeholders values = values_;
  values.insert(own.begin(), own.end());
  return command.tool.empty() ? run_program(command, values, dry_run)
                              : call_tool(command, values, dry_run);
}

Ran CommandTarget::call_tool(const TargetCommand& command, const Placeholders& values,
                             bool dry_run) {
  nlohmann::json arguments = expand_arguments(command.arguments, values);
  if (dry_run) arguments.update(expand_arguments(command.dry_run_arguments, values));
  const base::Result<McpReply> reply = tools_.call(command.tool, arguments);
  if (!reply) return {.error = reply.error().message};
  Ran ran{.out = json_of(*reply), .text = reply->text()};
  if (!reply->is_error) {
    ran.outcome = OpOutcome::kOk;
    return ran;
  }
  if (says(ran.text, command.refused_text)) ran.outcome = OpOutcome::kRefused;
  ran.error = in_short(ran.text);
  return ran;
}

Ran CommandTarget::run_program(const TargetCommand& command, const Placeholders& values,
                               bool dry_run) const {
  base::Command process;
  process.argv = expand(command.argv, values);
  if (dry_run) {
    for (const std::string& word : expand(command.dry_run, values)) process.argv.push_back(word);
  }
  process.env = place_.env;
  process.cwd = expand(file_.cwd, values);
  process.timeout = patience(file_);
  const base::Result<base::Outcome> outcome = base::run(process);
  if (!outcome) return {.error = outcome.error().message};
  Ran ran;
  ran.out = ran.text = outcome->out;
  if (!outcome->timed_out && outcome->signal == 0) {
    if (command.ok.contains(outcome->exit_code)) {
      ran.outcome = OpOutcome::kOk;
      return ran;
    }
    if (command.refused.contains(outcome->exit_code) || says(outcome->err, command.refused_text) ||
        says(outcome->out, command.refused_text)) {
      ran.outcome = OpOutcome::kRefused;
    }
  }
  ran.error = how_it_ended(*outcome, process.timeout);
  return ran;
}

base::Status CommandTarget::setup(const TargetSetup& /*setup*/) {
  std::error_code error;
  fs::create_directories(place_.workspace, error);
  if (error) return base::fail_errno(error.value(), "create the workspace", place_.workspace);
  for (const TargetCommand& command : file_.setup) {
    const Ran ran = run(command, {});
    if (ran.outcome == OpOutcome::kOk) continue;
    return base::fail(base::Errc::kInvalid, "{}: setup: {}{}: {}", file_.file.string(),
                      fmt::join(expand(command.argv, values_), " "), command.tool, ran.error);
  }
  base::Status has_tools = check_tools();
  tools_.close();
  return has_tools;
}

base::Status CommandTarget::attach(RunPlace& place, bool commands) {
  if (file_.observe.source == TargetObservation::Source::kCommand && !commands) {
    return base::fail(base::Errc::kRefused,
                      "{}: its registry is read by running a command ({}), which might change "
                      "something; --allow-commands runs it all the same",
                      file_.file.string(), fmt::join(expand(file_.observe.argv, values_), " "));
  }
  for (const auto& [name, value] : file_.env) set_variable(place, name, expand(value, values_));
  place.sessions = file_.sessions.kind;
  values_ = placeholders(file_, place);
  if (file_.sessions.kind == "tmux") {
    const fs::path named = expand(file_.sessions.socket, values_);
    place.tmux_socket = named.empty() ? tmux_socket_folder(place.env) / "default" : named;
  }
  place_ = place;
  observer_ = make_observer(file_.observe, place_, values_, file_.timeout);
  return {};
}

Reply CommandTarget::spawn(const SpawnArguments& arguments) {
  const Ran ran = run(
      file_.spawn, {{"task", arguments.task},
                    {"agent_type", arguments.type},
                    {"parent", arguments.parent.empty() ? file_.observe.root : arguments.parent}});
  if (ran.outcome != OpOutcome::kOk) return {.outcome = ran.outcome, .error = ran.error};
  const std::string& pattern = file_.spawn.id_text;
  const std::optional<std::string> id =
      pattern.empty() ? read_id(ran.out, file_.spawn.id) : find_text(ran.text, pattern);
  if (id) return {.outcome = OpOutcome::kOk, .agent = *id};
  return {.error = fmt::format("acknowledged, but no id at {} in what it said: {}",
                               pattern.empty() ? file_.spawn.id : pattern, ran.out.substr(0, 200))};
}

Reply CommandTarget::kill(const std::string& agent) {
  if (!file_.kill) return {.outcome = OpOutcome::kRefused, .error = "the target has no kill"};
  const Ran ran = run(*file_.kill, {{"agent_id", agent}});
  return {.outcome = ran.outcome, .error = ran.error};
}

Reply CommandTarget::update(const std::string& agent,
                            const std::map<std::string, std::string>& writes) {
  if (!file_.update) return {.outcome = OpOutcome::kRefused, .error = "the target has no update"};
  Placeholders own = {{"agent_id", agent}};
  for (const auto& [field, value] : writes) own[field] = value;
  const Ran ran = run(*file_.update, own);
  return {.outcome = ran.outcome, .error = ran.error};
}

Reply CommandTarget::list() {
  if (!file_.list) return {.outcome = OpOutcome::kRefused, .error = "the target has no list"};
  const Ran ran = run(*file_.list, {});
  if (ran.outcome != OpOutcome::kOk) return {.outcome = ran.outcome, .error = ran.error};
  // A list whose ids nobody can tell is none that could be held against the target.
  if (!file_.list->ids) return {.outcome = OpOutcome::kInfo, .error = "it tells no ids"};
  auto ids = read_ids(ran.out, *file_.list->ids, file_.list->id);
  if (!ids) return {.error = fmt::format("no ids at {} in what it said", *file_.list->ids)};
  return {.outcome = OpOutcome::kOk, .seen = *std::move(ids)};
}

Reply CommandTarget::validate() {
  if (!file_.validate) {
    return {.outcome = OpOutcome::kRefused, .error = "the target has no validate"};
  }
  const Ran ran = run(*file_.validate, {});
  return {.outcome = ran.outcome, .error = ran.error};
}

RepairReply CommandTarget::repair(bool dry_run) {
  if (!file_.repair || (dry_run && !file_.repair->has_dry_run())) {
    return {.ok = false,
            .error = dry_run ? "the target has no dry run" : "the target has no repair"};
  }
  const Ran ran = run(*file_.repair, {}, dry_run);
  tools_.close();  // as its user would: the next one who asks starts a server of its own
  if (ran.outcome != OpOutcome::kOk) return {.ok = false, .error = ran.error};
  RepairReply reply;
  if (!file_.repair->repaired.empty()) {
    reply.reported = read_number(ran.out, file_.repair->repaired);
    if (!reply.reported) {
      return {.ok = false,
              .error = fmt::format("no number at {} in what it printed", file_.repair->repaired)};
    }
  }
  return reply;
}

base::Status CommandTarget::shut_down() {
  if (!file_.shutdown) return {};
  const Ran ran = run(*file_.shutdown, {});
  tools_.close();
  if (ran.outcome == OpOutcome::kOk) return {};
  return base::fail(base::Errc::kUnavailable, "{}: shutdown: {}", file_.file.string(), ran.error);
}

SessionNaming CommandTarget::session_naming() const {
  const std::string& name = file_.sessions.name;
  const std::vector<std::string> inside = placeholders_in(name);
  SessionNaming naming;
  naming.agents_are_stand_ins = facts().agents_report;
  naming.by_recorded_pid = file_.sessions.kind == "process";
  naming.names_agent = inside.size() == 1 && inside.front() == "agent_id";
  if (inside.empty()) {
    naming.prefix = expand(name, {});
    return naming;
  }
  const std::string first = "{" + inside.front() + "}";
  const std::string last = "{" + inside.back() + "}";
  naming.prefix = name.substr(0, name.find(first));
  naming.suffix = name.substr(name.rfind(last) + last.size());
  return naming;
}

std::vector<const TargetCommand*> CommandTarget::operations() const {
  std::vector<const TargetCommand*> all = {&file_.spawn};
  for (const auto* optional :
       {&file_.kill, &file_.update, &file_.list, &file_.validate, &file_.repair, &file_.shutdown}) {
    if (*optional) all.push_back(&**optional);
  }
  return all;
}

base::Status CommandTarget::check_tools() {
  if (file_.mcp.empty()) return {};
  const auto tools = tools_.list_tools();
  if (!tools) return base::fail_from(tools.error(), file_.file.string());
  for (const TargetCommand* operation : operations()) {
    if (operation->tool.empty()) continue;
    if (std::ranges::find(*tools, operation->tool) != tools->end()) continue;
    return base::fail(base::Errc::kInvalid, "{}: the MCP server has no tool \"{}\"; it has {}",
                      file_.file.string(), operation->tool, fmt::join(*tools, ", "));
  }
  return {};
}

bool CommandTarget::in_transit(const std::string& command) const {
  const auto is_it = [&](const std::vector<std::string>& argv) {
    return !argv.empty() && runs(command, expand(argv, values_));
  };
  return is_it(file_.mcp) || std::ranges::any_of(operations(), is_it, &TargetCommand::argv);
}

}  // namespace

std::unique_ptr<Target> make_command_target(TargetFile file, const RunPlace& place) {
  return std::make_unique<CommandTarget>(std::move(file), place);
}

base::Status furnish_for_commands(const TargetFile& file, RunPlace& place) {
  const fs::path stand_ins = place.scratch / "bin";
  if (base::Status put = put_stand_ins(stand_ins, file.agent_binaries, place.agent_log); !put) {
    return put;
  }
  place.sessions = file.sessions.kind;
  const Placeholders values = placeholders(file, place);
  for (const auto& [name, value] : file.env) set_variable(place, name, expand(value, values));
  set_variable(place, "PATH", stand_ins.string() + ":" + variable(place, "PATH"));
  if (base::Status kept = keep_path_in_login_shells(place.env); !kept) return kept;
  for (const std::string& entry : stand_in_variables(place.agent_log, file.agent_id)) {
    place.env.push_back(entry);
  }
  if (file.sessions.kind != "tmux") return {};
  if (!file.sessions.socket.empty()) {
    place.tmux_socket = expand(file.sessions.socket, values);
  } else {
    const fs::path folder = tmux_socket_folder(place.env);
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
      return base::fail_errno(errno, "create", folder);
    }
    place.tmux_socket = folder / "default";
  }
  if (place.tmux_socket.native().size() >= sizeof(sockaddr_un::sun_path)) {
    return base::fail(base::Errc::kInvalid, "{}: no socket can have so long a path",
                      place.tmux_socket.string());
  }
  return {};
}

}  // namespace stress
