#include "harness/target/target_file.h"

#include <algorithm>

#include "harness/target/placeholders.h"
#include "harness/target/target_file_reader.h"

namespace stress {
namespace {

using nlohmann::json;

const Names kStatic = {"workspace", "target_dir", "stress_dir", "home"};
const Names kSpawn = {"task", "agent_type", "parent"};

TargetCommand read_command(MemberReader& reader, const Member& at, const Names& own,
                           const Names& members) {
  TargetCommand command;
  Names known = {"argv", "ok", "refused"};
  known.insert(members.begin(), members.end());
  if (!reader.object(at, known)) return command;
  Names placeholders = kStatic;
  placeholders.insert(own.begin(), own.end());
  command.argv = reader.templates(at / "argv", placeholders);
  if (command.argv.empty()) {
    reader.wrong(at / "argv", R"(must be the program and its arguments, e.g. ["my-program", "x"])");
  }
  for (const auto& [name, codes] :
       {std::pair{"ok", &command.ok}, std::pair{"refused", &command.refused}}) {
    const Member member = at / name;
    if (!member.present()) continue;
    reader.object(member, {"exit"});
    reader.require(member / "exit", "exit codes, e.g. [3]");
    *codes = reader.exit_codes(member / "exit");
  }
  if (std::ranges::any_of(command.refused, [&](int code) { return command.ok.contains(code); })) {
    reader.wrong(at / "refused" / "exit", "an exit code cannot both acknowledge and refuse");
  }
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

void read_operations(MemberReader& reader, const Member& root, TargetFile& target) {
  const Names agent = {"agent_id"};
  target.setup = read_setup(reader, root / "setup");
  reader.require(root / "spawn", "the command that starts an agent");
  target.spawn = read_command(reader, root / "spawn", kSpawn, {"id"});
  reader.require(root / "spawn" / "id",
                 R"(a JSON pointer into what the command prints, e.g. "/agent_id", or "stdout")");
  target.spawn.id = read_reply(reader, root / "spawn" / "id");
  target.kill = read_optional(reader, root / "kill", agent);
  target.update = read_optional(reader, root / "update",
                                {"agent_id", "status", "progress", "message"}, {"statuses"});
  target.list = read_optional(reader, root / "list", {}, {"ids", "id"});
  target.validate = read_optional(reader, root / "validate", {});
  target.repair = read_optional(reader, root / "repair", {}, {"repaired", "dry_run"});
  if (target.update) {
    target.update->statuses = reader.texts(root / "update" / "statuses");
    if (!TargetFile::uses(*target.update, "agent_id")) {
      reader.wrong(root / "update" / "argv", "must name the agent: {agent_id}");
    }
  }
  if (target.kill && !TargetFile::uses(*target.kill, "agent_id")) {
    reader.wrong(root / "kill" / "argv", "must name the agent: {agent_id}");
  }
  if (target.list) {
    target.list->ids = read_reply(reader, root / "list" / "ids");
    target.list->id = reader.pointer(root / "list" / "id");
  }
  if (target.repair) {
    target.repair->repaired = reader.pointer(root / "repair" / "repaired");
    target.repair->dry_run = reader.templates(root / "repair" / "dry_run", kStatic);
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

void read_surroundings(MemberReader& reader, const Member& root, TargetFile& target) {
  const Member env = root / "env";
  for (const auto& [name, value] : env.members()) {
    target.env[name] = *value.value == json("") ? "" : reader.template_text(value, kStatic);
    if (name.empty() || name.contains('=')) reader.wrong(value, "is no name of a variable");
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
  return std::ranges::any_of(command.argv, [&](const std::string& text) {
    const std::vector<std::string> names = placeholders_in(text);
    return std::ranges::find(names, placeholder) != names.end();
  });
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
  reader.object(
      root,
      {"$schema", "name",    "description", "env",   "agent_binaries", "agent_id", "cwd",
       "tasks",   "setup",   "spawn",       "kill",  "update",         "list",     "validate",
       "repair",  "observe", "sessions",    "watch", "logs",           "promises", "timeout_ms"});
  reader.require(root / "name", R"(a short name for reports, e.g. "my-orchestrator")");
  target.name = reader.text(root / "name");
  reader.text(root / "$schema");
  reader.text(root / "description");
  read_surroundings(reader, root, target);
  read_operations(reader, root, target);
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
