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
#include "harness/target/command_runner.h"
#include "harness/target/observation_sources.h"
#include "harness/target/placeholders.h"
#include "harness/target/stand_ins.h"
#include "harness/target/target_file_views.h"

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

class CommandTarget final : public Target {
 public:
  CommandTarget(TargetFile file, const RunPlace& place)
      : file_(std::move(file)),
        place_(place),
        values_(placeholders(file_, place)),
        observer_(make_observer(file_.observe, place, values_, file_.timeout)),
        runner_(file_, place, values_) {}

  [[nodiscard]] TargetFacts facts() const override { return facts_of(file_, place_.live); }
  [[nodiscard]] TargetOffers offers() const override { return offers_of(file_); }
  [[nodiscard]] bool runs_commands() const override { return true; }
  base::Status setup(const TargetSetup& setup) override;
  base::Status attach(RunPlace& place, bool commands) override;
  Reply spawn(const SpawnArguments& arguments) override;
  Reply kill(const std::string& agent) override;
  Reply update(const std::string& agent, const std::map<std::string, std::string>& writes) override;
  Reply list() override;
  Reply validate() override;
  [[nodiscard]] std::optional<OperationProgram> program(const Request& request) const override;
  RepairReply repair(bool dry_run) override;
  base::Status shut_down() override;
  [[nodiscard]] const Observer& observer() const override { return *observer_; }
  [[nodiscard]] std::vector<fs::path> declared_logs() const override { return paths(file_.logs); }
  [[nodiscard]] SessionNaming session_naming() const override {
    return naming_of(file_, place_.live);
  }
  [[nodiscard]] bool in_transit(const std::string& command) const override;
  [[nodiscard]] std::vector<std::string> tasks() const override { return file_.tasks; }
  [[nodiscard]] std::vector<fs::path> watched() const override { return paths(file_.watch); }
  [[nodiscard]] std::chrono::milliseconds reply_deadline() const override { return file_.timeout; }

 private:
  [[nodiscard]] std::vector<fs::path> paths(const std::vector<std::string>& texts) const {
    const std::vector<std::string> expanded = expand(texts, values_);
    return {expanded.begin(), expanded.end()};
  }
  [[nodiscard]] Placeholders spawn_values(const SpawnArguments& arguments) const;
  [[nodiscard]] static Placeholders update_values(const std::string& agent,
                                                  const std::map<std::string, std::string>& writes);
  [[nodiscard]] Reply spawn_reply(const Ran& ran) const;
  [[nodiscard]] Reply list_reply(const Ran& ran) const;
  /// All operations of a storm and after it.
  [[nodiscard]] std::vector<const TargetCommand*> operations() const;

  TargetFile file_;
  RunPlace place_;
  Placeholders values_;
  std::unique_ptr<Observer> observer_;
  CommandRunner runner_;
};

base::Status CommandTarget::setup(const TargetSetup& /*setup*/) {
  std::error_code error;
  fs::create_directories(place_.workspace, error);
  if (error) return base::fail_errno(error.value(), "create the workspace", place_.workspace);
  for (const TargetCommand& command : file_.setup) {
    const Ran ran = runner_.run(command, {});
    if (ran.outcome == OpOutcome::kOk) continue;
    return base::fail(base::Errc::kInvalid, "{}: setup: {}{}: {}", file_.file.string(),
                      fmt::join(expand(command.argv, values_), " "), command.tool, ran.error);
  }
  base::Status has_tools = runner_.check_tools(operations());
  runner_.close();
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

Placeholders CommandTarget::spawn_values(const SpawnArguments& arguments) const {
  return {{"task", arguments.task},
          {"agent_type", arguments.type},
          {"parent", arguments.parent.empty() ? file_.observe.root : arguments.parent}};
}

Reply CommandTarget::spawn(const SpawnArguments& arguments) {
  return spawn_reply(runner_.run(file_.spawn, spawn_values(arguments)));
}

Reply CommandTarget::spawn_reply(const Ran& ran) const {
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
  const Ran ran = runner_.run(*file_.kill, {{"agent_id", agent}});
  return {.outcome = ran.outcome, .error = ran.error};
}

Reply CommandTarget::update(const std::string& agent,
                            const std::map<std::string, std::string>& writes) {
  if (!file_.update) return {.outcome = OpOutcome::kRefused, .error = "the target has no update"};
  const Ran ran = runner_.run(*file_.update, update_values(agent, writes));
  return {.outcome = ran.outcome, .error = ran.error};
}

Placeholders CommandTarget::update_values(const std::string& agent,
                                          const std::map<std::string, std::string>& writes) {
  Placeholders own = {{"agent_id", agent}};
  for (const auto& [field, value] : writes) own[field] = value;
  return own;
}

Reply CommandTarget::list() {
  if (!file_.list) return {.outcome = OpOutcome::kRefused, .error = "the target has no list"};
  return list_reply(runner_.run(*file_.list, {}));
}

Reply CommandTarget::list_reply(const Ran& ran) const {
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
  const Ran ran = runner_.run(*file_.validate, {});
  return {.outcome = ran.outcome, .error = ran.error};
}

std::optional<OperationProgram> CommandTarget::program(const Request& request) const {
  const auto as_program = [this](const TargetCommand& command, const Placeholders& own,
                                 auto reply) -> std::optional<OperationProgram> {
    if (!command.tool.empty()) return std::nullopt;
    return OperationProgram{runner_.program(command, own),
                            [this, &command, reply](const base::Outcome& outcome) -> Reply {
                              return reply(runner_.ran_of(command, outcome));
                            }};
  };
  const auto plainly = [](const Ran& ran) -> Reply {
    return {.outcome = ran.outcome, .error = ran.error};
  };
  if (request.kind == "spawn") {
    return as_program(file_.spawn, spawn_values(request.spawn),
                      [this](const Ran& ran) { return spawn_reply(ran); });
  }
  if (request.kind == "kill" && file_.kill) {
    return as_program(*file_.kill, {{"agent_id", request.agent}}, plainly);
  }
  if (request.kind == "update" && file_.update) {
    return as_program(*file_.update, update_values(request.agent, request.writes), plainly);
  }
  if (request.kind == "list" && file_.list) {
    return as_program(*file_.list, {}, [this](const Ran& ran) { return list_reply(ran); });
  }
  if (request.kind == "validate" && file_.validate) {
    return as_program(*file_.validate, {}, plainly);
  }
  if (request.kind == "repair" && file_.repair) return as_program(*file_.repair, {}, plainly);
  return std::nullopt;
}

RepairReply CommandTarget::repair(bool dry_run) {
  if (!file_.repair || (dry_run && !file_.repair->has_dry_run())) {
    return {.ok = false,
            .error = dry_run ? "the target has no dry run" : "the target has no repair"};
  }
  const Ran ran = runner_.run(*file_.repair, {}, dry_run);
  runner_.close();  // as its user would: the next one who asks starts a server of its own
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
  const Ran ran = runner_.run(*file_.shutdown, {});
  runner_.close();
  if (ran.outcome == OpOutcome::kOk) return {};
  return base::fail(base::Errc::kUnavailable, "{}: shutdown: {}", file_.file.string(), ran.error);
}

std::vector<const TargetCommand*> CommandTarget::operations() const {
  std::vector<const TargetCommand*> all = {&file_.spawn};
  for (const auto* optional :
       {&file_.kill, &file_.update, &file_.list, &file_.validate, &file_.repair, &file_.shutdown}) {
    if (*optional) all.push_back(&**optional);
  }
  return all;
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
