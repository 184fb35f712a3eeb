#include "harness/explore/ground.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "harness/campaign/agent_processes.h"
#include "harness/campaign/poll.h"
#include "harness/explore/folder_copy.h"
#include "harness/supervise/reaper.h"
#include "orchestrator/base/clock.h"
#include "orchestrator/base/find_program.h"
#include "orchestrator/base/subprocess.h"

namespace stress {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// By the target's program where it has one, as whoever is started by this very process is none of
/// the group.
Reply spawn_apart(Target& target, const SpawnArguments& spawn) {
  Request request;
  request.kind = "spawn";
  request.spawn = spawn;
  const std::optional<OperationProgram> program = target.program(request);
  if (!program) return target.spawn(spawn);
  const base::Result<base::Outcome> outcome = base::run(program->command);
  if (outcome) return program->reply(*outcome);
  return {.outcome = OpOutcome::kInfo, .error = outcome.error().message};
}

}  // namespace

base::Result<std::unique_ptr<Ground>> Ground::make(const Scene& scene, const BpfProgram& filter) {
  std::unique_ptr<Ground> ground(new Ground(scene, filter));
  if (base::Status ready = ground->set_up(); !ready) return std::unexpected(ready.error());
  return ground;
}

base::Status Ground::set_up() {
  prepared_.clear();
  sessions_.clear();
  arena_.reset();
  stage_.reset();
  std::error_code error;
  const fs::path folder = scene_.folder / "ground";
  fs::remove_all(folder, error);
  fs::create_directories(folder, error);
  if (error) return base::fail_errno(error.value(), "create", folder);
  Stage::Plan plan;
  plan.folder = folder;
  plan.target = scene_.target;
  plan.sessions = scene_.sessions;
  plan.own_server = true;
  plan.injection = Injection::kSignals;  // the schedules have a supervisor of their own
  base::Result<std::unique_ptr<Stage>> stage = Stage::build(plan);
  if (!stage) return std::unexpected(stage.error());
  stage_ = std::move(*stage);
  Arena::Setting setting;
  setting.filter = &filter_;
  setting.join_fd = stage_->group().join_fd();
  setting.watched = stage_->target().watched();
  setting.sockets = {stage_->place().tmux_socket.parent_path(), stage_->folder().temporary()};
  setting.tmux_socket = stage_->place().tmux_socket;
  setting.seed = scene_.seed;
  arena_ = std::make_unique<Arena>(std::move(setting));
  if (base::Status started = start_server(); !started) return started;
  if (base::Status ready = prepare(); !ready) return ready;
  return remember();
}

base::Status Ground::start_server() {
  const RunPlace& place = stage_->place();
  if (place.sessions == "tmux") {
    const base::Result<fs::path> tmux = base::find_program("tmux", place.env);
    if (!tmux) return std::unexpected(tmux.error());
    LaunchSpec spec;
    // -D: in the foreground, and it stays when it has no sessions.
    spec.argv = {tmux->string(), "-D", "-f", "/dev/null", "-S", place.tmux_socket.string()};
    spec.env = place.env;
    spec.output = stage_->folder().logs() / "tmux-server.log";
    if (base::Status launched = arena_->launch("tmux", spec, Arena::Role::kServer); !launched) {
      return launched;
    }
  }
  arena_->free_all();
  if (place.sessions != "tmux") return {};
  if (!poll_until(10s, [&] { return fs::exists(place.tmux_socket); })) {
    return base::fail(base::Errc::kUnavailable, "a private tmux server did not start");
  }
  return stage_->probe().start_server();  // a session that keeps it company
}

base::Status Ground::prepare() {
  Target& target = stage_->target();
  for (int i = 0; i < scene_.prepared; ++i) {
    Operation op;
    op.id = static_cast<std::uint64_t>(i) + 1;
    op.client = kSetupClient;
    op.task = target.tasks().front();
    op.type = fmt::format("prepared{}", i + 1);
    op.invoked = base::monotonic_ns();
    const Reply reply = spawn_apart(target, {op.task, op.type, "", false});
    op.completed = base::monotonic_ns();
    op.outcome = reply.outcome;
    op.agent = reply.agent;
    if (reply.outcome != OpOutcome::kOk) {
      return base::fail(base::Errc::kUnavailable, "agent {} of {} could not be prepared: {}", i + 1,
                        scene_.prepared, reply.error);
    }
    prepared_.push_back(std::move(op));
  }
  return {};
}

base::Status Ground::remember() {
  stage_->names().learn(stage_->target().observer().observe());
  if (stage_->place().sessions != "none" && !prepared_.empty()) {
    // Their agents tell of their births before they count as being there.
    const bool born = poll_until(10s, [&] {
      const auto living =
          living_agents(stage_->group(), stage_->place().agent_log, stage_->names());
      return living && std::ranges::all_of(prepared_, [&](const Operation& op) {
               return living->contains(op.agent);
             });
    });
    if (!born && stage_->target().facts().agents_report) {
      return base::fail(base::Errc::kUnavailable, "the prepared agents did not come to life");
    }
    for (ObservedSession& session : stage_->probe().look().sessions) {
      if (session.marked) sessions_.push_back(std::move(session));
    }
  }
  arena_->settle_servers();
  std::error_code none;
  agent_log_bytes_ = fs::file_size(stage_->place().agent_log, none);
  if (none) agent_log_bytes_ = 0;
  copy_ = stage_->folder().results() / "start";
  return copy_folder(stage_->place().workspace, copy_);
}

bool Ground::sessions_are_as_prepared() {
  if (stage_->place().sessions == "none") return true;
  SessionProbe& probe = stage_->probe();
  SessionsView view;
  const auto is_others = [&](const ObservedSession& session) {
    return (session.marked || !session.agent.empty()) &&
           std::ranges::find(sessions_, session) == sessions_.end();
  };
  const bool clean = poll_until(10s, [&] {
    view = probe.look();
    if (!view.answered || std::ranges::none_of(view.sessions, is_others)) return view.answered;
    for (const ObservedSession& session : view.sessions) {
      if (is_others(session)) (void)probe.kill_session(session);
    }
    return false;
  });
  return clean && std::ranges::all_of(sessions_, [&](const ObservedSession& session) {
           return std::ranges::find(view.sessions, session) != view.sessions.end();
         });
}

base::Status Ground::reset() {
  reap_adopted();
  if (!sessions_are_as_prepared()) return set_up();
  return put_back();
}

base::Status Ground::put_back() {
  std::error_code error;
  if (fs::exists(stage_->place().agent_log)) {
    fs::resize_file(stage_->place().agent_log, agent_log_bytes_, error);
    if (error) return base::fail_errno(error.value(), "cut", stage_->place().agent_log);
  }
  return copy_folder(copy_, stage_->place().workspace);
}

}  // namespace stress
