#include "harness/target/target_file.h"

#include <algorithm>
#include <array>

#include "harness/target/placeholders.h"
#include "harness/target/target_file_reader.h"

namespace stress {
namespace {

using nlohmann::json;

const Names kStatic = {"workspace", "target_dir", "stress_dir", "home"};
const Names kSpawn = {"task", "agent_type", "parent"};
/// Where programs look for their user's own files, and for his tmux server.
const Names kSealed = {"HOME",          "TMPDIR",          "TMUX_TMPDIR",    "XDG_CACHE_HOME",
                       "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"};
const Names kOthersServer = {"TMUX", "TMUX_PANE"};

/// How a command's exit code tells of its outcome.
void read_exit_codes(MemberReader& reader, const Member& at, TargetCommand& command) {
  const Member ok = at / "ok";
  if (ok.present()) {
    reader.object(ok, {"exit"});
    reader.require(ok / "exit", "exit codes, e.g. [0]");
    command.ok = reader.exit_codes(ok / "exit");
  }
  command.refused = reader.exit_codes(at / "refused" / "exit");
  if (std::ranges::any_of(command.refused, [&](int code) { return command.ok.contains(code); })) {
    reader.wrong(at / "refused" / "exit", "an exit code cannot both acknowledge and refuse");
  }
}

TargetCommand read_command(MemberReader& reader, const Member& at, const Names& own,
                           const Names& members) {
  TargetCommand command;
  const bool is_tool = (at / "tool").present();
  Names known = is_tool ? Names{"tool", "arguments", "refused"} : Names{"argv", "ok", "refused"};
  known.insert(members.begin(), members.end());
  if (!reader.object(at, known)) return command;
  Names placeholders = kStatic;
  placeholders.insert(own.begin(), own.end());
  const Member refused = at / "refused";
  if (refused.present()) {
    reader.object(refused, is_tool ? Names{"text"} : Names{"exit", "text"});
    if (!(refused / "text").present()) {
      reader.require(refused / (is_tool ? "text" : "exit"),
                     is_tool ? "what the error's text must match, e.g. \"limit reached\""
                             : "exit codes, e.g. [3]");
    }
    command.refused_text = reader.pattern(refused / "text", 0);
  }
  if (is_tool) {
    command.tool = reader.text(at / "tool");
    command.arguments = reader.template_object(at / "arguments", placeholders);
    return command;
  }
  command.argv = reader.templates(at / "argv", placeholders);
  if (command.argv.empty()) {
    reader.wrong(at / "argv", R"(must be the program and its arguments, e.g. ["my-program", "x"])");
  }
  read_exit_codes(reader, at, command);
  return command;
}

std::optional<TargetCommand> read_optional(MemberReader& reader, const Member& at, const Names& own,
                                           const Names& members = {}) {
  if (!at.present()) return std::nullopt;
  return read_command(reader, at, own, members);
}

std::vector<TargetCommand> read_setup(MemberReader& reader, const Member& at) {
  std::vector<TargetCommand> setup;
  if (!at.is_array()) {
    if (at.present()) setup.push_back(read_command(reader, at, {}, {}));
    return setup;
  }
  for (const Member& step : at.elements()) {
    setup.push_back(read_command(reader, step, {}, {}));
  }
  return setup;
}

/// A JSON pointer, or "stdout".
std::string read_reply(MemberReader& reader, const Member& at) {
  if (at.value != nullptr && *at.value == json(kFromOutput)) return std::string(kFromOutput);
  return reader.pointer(at);
}

/// Where the new agent's id stands in the reply.
void read_spawn_id(MemberReader& reader, const Member& at, TargetCommand& spawn) {
  reader.require(at, R"--(a JSON pointer into the reply, e.g. "/agent_id", or "stdout", or )--"
                     R"--({"text": "agent ([a-z0-9]+)"})--");
  if (at.value == nullptr || !at.value->is_object()) {
    spawn.id = read_reply(reader, at);
    return;
  }
  reader.object(at, {"text"});
  reader.require(at / "text", R"(a regular expression whose one group is the id)");
  spawn.id_text = reader.pattern(at / "text", 1);
}

void read_mcp(MemberReader& reader, const Member& at, TargetFile& target) {
  if (!at.present() || !reader.object(at, {"argv"})) return;
  target.mcp = reader.templates(at / "argv", kStatic);
  if (target.mcp.empty()) {
    reader.wrong(at / "argv", R"(must be the server and its arguments, e.g. ["node", "x.js"])");
  }
}

/// Tools need a server.
void check_tools(MemberReader& reader, const Member& root, const TargetFile& target) {
  if (!target.mcp.empty()) return;
  for (const char* name :
       {"setup", "spawn", "kill", "update", "list", "validate", "repair", "shutdown"}) {
    std::vector<Member> operations = (root / name).elements();
    operations.push_back(root / name);
    for (const Member& operation : operations) {
      if (!(operation / "tool").present()) continue;
      reader.wrong(operation / "tool",
                   R"(is a tool of no server: "mcp": {"argv": [...]} must name one)");
    }
  }
}

void require_agent(MemberReader& reader, const Member& at, const TargetCommand& operation) {
  if (TargetFile::uses(operation, "agent_id")) return;
  reader.wrong(at / (operation.tool.empty() ? "argv" : "arguments"),
               "must name the agent: {agent_id}");
}

void read_operations(MemberReader& reader, const Member& root, TargetFile& target) {
  const Names agent = {"agent_id"};
  target.setup = read_setup(reader, root / "setup");
  reader.require(root / "spawn", "the command that starts an agent");
  target.spawn = read_command(reader, root / "spawn", kSpawn, {"id"});
  read_spawn_id(reader, root / "spawn" / "id", target.spawn);
  target.kill = read_optional(reader, root / "kill", agent);
  target.update = read_optional(reader, root / "update",
                                {"agent_id", "status", "progress", "message"}, {"statuses"});
  target.list = read_optional(reader, root / "list", {}, {"ids", "id"});
  target.validate = read_optional(reader, root / "validate", {});
  target.repair = read_optional(reader, root / "repair", {}, {"repaired", "dry_run"});
  target.shutdown = read_optional(reader, root / "shutdown", {});
  if (target.update) {
    target.update->statuses = reader.texts(root / "update" / "statuses");
    require_agent(reader, root / "update", *target.update);
  }
  if (target.kill) require_agent(reader, root / "kill", *target.kill);
  if (target.list) {
    const Member ids = root / "list" / "ids";
    if (ids.present()) target.list->ids = read_reply(reader, ids);
    target.list->id = reader.pointer(root / "list" / "id");
  }
  if (target.repair) {
    target.repair->repaired = reader.pointer(root / "repair" / "repaired");
    const Member dry_run = root / "repair" / "dry_run";
    if (target.repair->tool.empty()) {
      target.repair->dry_run = reader.templates(dry_run, kStatic);
    } else if (dry_run.present()) {
      target.repair->dry_run_arguments = reader.template_object(dry_run, kStatic);
    }
  }
}

void read_sessions(MemberReader& reader, const Member& root, TargetFile& target) {
  const Member at = root / "sessions";
  TargetSessions& sessions = target.sessions;
  reader.require(at, R"(how agents live, e.g. {"kind": "tmux", "name": "agent_{agent_id}"})");
  if (!at.present() || !reader.object(at, {"kind", "name", "socket"})) return;
  reader.require(at / "kind", "tmux, process or none");
  sessions.kind = reader.one_of(at / "kind", {"tmux", "process", "none"});
  if (sessions.kind != "tmux") {
    for (const char* name : {"name", "socket"}) {
      if ((at / name).present()) reader.wrong(at / name, "only tmux sessions have one");
    }
    if (sessions.kind == "process" && target.observe.map.pid.empty()) {
      reader.wrong(at / "kind",
                   R"(sessions that are processes need a pointer to the recorded pid: )"
                   R"("observe": {"pid": "/pid"})");
    }
    return;
  }
  reader.require(at / "name", R"(what the target calls its sessions, e.g. "agent_{agent_id}")");
  sessions.name = reader.template_text(at / "name", {"agent_id", "task", "agent_type", "parent"});
  sessions.socket = reader.template_text(at / "socket", kStatic);
  const bool named = sessions.name.contains("{agent_id}");
  if (!named && (at / "name").present() && target.observe.map.session.empty()) {
    reader.wrong(at / "name", R"(must contain {agent_id}, or "observe" must have a pointer to the )"
                              R"(session's name: "session": "/session")");
  }
}

void read_promises(MemberReader& reader, const Member& at, TargetPromises& promises) {
  if (!at.present()) return;
  const std::pair<const char*, bool*> flags[] = {
      {"durable", &promises.durable},
      {"no-duplicates", &promises.no_duplicates},
      {"keeps-finished-sessions", &promises.keeps_finished_sessions},
      {"removes-records", &promises.removes_records},
      {"idempotent-spawn", &promises.idempotent_spawn},
      {"limits-always", &promises.limits_always},
      {"limits-per-task", &promises.limits_per_task}};
  const std::pair<const char*, std::optional<int>*> limits[] = {
      {"max_concurrent", &promises.max_concurrent},
      {"max_agents", &promises.max_agents},
      {"max_depth", &promises.max_depth}};
  Names known;
  for (const auto& [name, field] : flags) known.insert(name);
  for (const auto& [name, field] : limits) known.insert(name);
  if (!reader.object(at, known)) return;
  for (const auto& [name, field] : flags) *field = reader.flag(at / name, *field);
  for (const auto& [name, field] : limits) *field = reader.whole(at / name, 1, 1'000'000);
}

/// Of a text with placeholders: whether the path lies among the run's own files.
bool is_within_run(const std::string& path) {
  return !path.contains("..") &&
         std::ranges::any_of(std::array{"{workspace}", "{home}"}, [&](const std::string& own) {
           return path == own || path.starts_with(own + "/");
         });
}

void read_variable(MemberReader& reader, const std::string& name, const Member& at,
                   std::string& value) {
  value = *at.value == json("") ? "" : reader.template_text(at, kStatic);
  if (name.empty() || name.contains('=')) reader.wrong(at, "is no name of a variable");
  if (kSealed.contains(name) && !is_within_run(value)) {
    reader.wrong(
        at, "keeps a run away from its user's own files: it must lie in {workspace} or {home}");
  }
  if (kOthersServer.contains(name)) {
    reader.wrong(at, "would name another tmux server than the run's: leave it out");
  }
}

void read_surroundings(MemberReader& reader, const Member& root, TargetFile& target) {
  const Member env = root / "env";
  for (const auto& [name, value] : env.members()) {
    read_variable(reader, name, value, target.env[name]);
  }
  if (env.present() && !env.value->is_object()) reader.wrong(env, "must be an object of texts");
  target.agent_binaries = reader.texts(root / "agent_binaries");
  for (const std::string& name : target.agent_binaries) {
    if (!name.empty() && name != "." && name != ".." && !name.contains('/')) continue;
    reader.wrong(root / "agent_binaries", "must be names as they are looked up on PATH, without /");
  }
  const Member id = root / "agent_id";
  if (id.present() && reader.object(id, {"env", "after"})) {
    target.agent_id = {reader.text(id / "env"), reader.text(id / "after")};
  }
  if ((root / "cwd").present()) target.cwd = reader.template_text(root / "cwd", kStatic);
  target.watch = (root / "watch").present() ? reader.templates(root / "watch", kStatic)
                                            : std::vector<std::string>{"{workspace}"};
  target.logs = reader.templates(root / "logs", kStatic);
  if (const auto timeout = reader.whole(root / "timeout_ms", 1, 86'400'000)) {
    target.timeout = std::chrono::milliseconds(*timeout);
  }
}

/// Those that the spawn command is told; one without a name where it is told none.
std::vector<std::string> read_tasks(MemberReader& reader, const Member& at,
                                    const TargetCommand& spawn) {
  const bool told = TargetFile::uses(spawn, "task");
  if (!at.present()) {
    return told ? std::vector<std::string>{"TASK-A", "TASK-B"} : std::vector<std::string>{""};
  }
  if (!told) reader.wrong(at, "the spawn command names no {task}");
  std::vector<std::string> tasks = reader.texts(at);
  if (tasks.empty()) reader.wrong(at, "must name one task at least");
  return tasks;
}

}  // namespace

bool TargetObservation::has_counts() const {
  return !counts_query.empty() || !map.count_total.empty() || !map.count_active.empty() ||
         !map.count_completed.empty() || !map.task_count_total.empty() ||
         !map.task_count_active.empty() || !map.task_count_completed.empty();
}

bool TargetFile::uses(const TargetCommand& command, std::string_view placeholder) {
  const auto names_it = [&](const std::string& text) {
    const std::vector<std::string> names = placeholders_in(text);
    return std::ranges::find(names, placeholder) != names.end();
  };
  return std::ranges::any_of(command.argv, names_it) || names_it(command.arguments);
}

bool is_target_file(const std::string& target) {
  return target.ends_with(".json") || target.contains('/');
}

base::Result<TargetFile> load_target_file(const std::filesystem::path& file) {
  const base::Result<TargetDocument> document = TargetDocument::load(file);
  if (!document) return std::unexpected(document.error());
  MemberReader reader(*document);
  const Member root{&document->root(), ""};
  TargetFile target;
  std::error_code error;
  target.file = std::filesystem::absolute(file, error).lexically_normal();
  reader.object(root, {"$schema", "name", "description", "env",        "agent_binaries", "agent_id",
                       "cwd",     "mcp",  "tasks",       "setup",      "spawn",          "kill",
                       "update",  "list", "validate",    "repair",     "observe",        "sessions",
                       "watch",   "logs", "promises",    "timeout_ms", "shutdown"});
  reader.require(root / "name", R"(a short name for reports, e.g. "my-orchestrator")");
  target.name = reader.text(root / "name");
  reader.text(root / "$schema");
  reader.text(root / "description");
  read_surroundings(reader, root, target);
  read_mcp(reader, root / "mcp", target);
  read_operations(reader, root, target);
  check_tools(reader, root, target);
  target.tasks = read_tasks(reader, root / "tasks", target.spawn);
  target.observe = read_observation(reader, root / "observe", kStatic);
  read_sessions(reader, root, target);
  read_promises(reader, root / "promises", target.promises);
  if (reader.mistake()) return std::unexpected(*reader.mistake());
  if (target.update && target.update->statuses.empty()) {
    target.update->statuses.assign(target.observe.active.begin(), target.observe.active.end());
  }
  return target;
}

}  // namespace stress
