#include "harness/campaign/stage.h"

#include "harness/supervise/launch.h"
#include "harness/target/target_file.h"
#include "orchestrator/base/random_id.h"

namespace stress {

base::Result<std::unique_ptr<Stage>> Stage::build(const Plan& plan) {
  std::unique_ptr<Stage> stage(new Stage);
  if (base::Status ready = stage->set_up(plan); !ready) return std::unexpected(ready.error());
  return stage;
}

Stage::~Stage() {
  // Everybody first, and the engine after them: when its listeners close, system calls that still
  // stop there would fail in programs that are to be judged by nobody.
  if (group_) (void)group_->close(std::chrono::seconds(20));
  engine_.reset();
}

base::Status Stage::set_up(const Plan& plan) {
  base::Result<RunFolder> folder = plan.folder.empty() ? RunFolder::create(plan.out, plan.name)
                                                       : RunFolder::create_in(plan.folder);
  if (!folder) return std::unexpected(folder.error());
  folder_.emplace(std::move(*folder));
  if (plan.own_disk) {
    base::Result<Disk> disk = Disk::mount(folder_->workspace());
    if (!disk) return std::unexpected(disk.error());
    disk_.emplace(std::move(*disk));
  }
  base::Result<Group> group = Group::create(base::random_id());
  if (!group) return std::unexpected(group.error());
  group_.emplace(std::move(*group));
  base::Result<Guardian> guardian = Guardian::start(*group_, {folder_->temporary()});
  if (!guardian) return std::unexpected(guardian.error());
  guardian_.emplace(std::move(*guardian));

  base::Result<Control> control = Control::create(control_file());
  if (!control) return std::unexpected(control.error());
  control_.emplace(std::move(*control));
  threads_.emplace(**control_);

  if (base::Status made = make_targets(plan); !made) return made;
  if (base::Status started = start_engine(plan); !started) return started;
  return set_up_targets(plan);
}

base::Status Stage::make_targets(const Plan& plan) {
  place_ = folder_->place(plan.sessions, group_->environment());
  base::Result<RunPlace> second = folder_->second_place(place_, is_target_file(plan.target));
  if (!second) return std::unexpected(second.error());
  second_place_ = *std::move(second);
  for (const auto& [place, target] :
       {std::pair{&place_, &target_}, std::pair{&second_place_, &second_target_}}) {
    if (base::Status furnished = furnish(plan.target, *place); !furnished) return furnished;
    base::Result<std::unique_ptr<Target>> made = make_target(plan.target, *place);
    if (!made) return std::unexpected(made.error());
    *target = std::move(*made);
  }
  return {};
}

base::Status Stage::start_engine(const Plan& plan) {
  if (plan.injection == Injection::kSignals) {
    unsupervised_because_ = "--injection signals was asked for";
  } else if (base::Status possible = probe_supervision(); !possible) {
    if (plan.injection == Injection::kSupervisor) return possible;
    unsupervised_because_ = possible.error().message;
  }
  const std::uint32_t filter = plan.filter | (target_->runs_commands() ? kExits : 0u);
  auto engine =
      Engine::start(policies_, unsupervised_because_.empty() ? filter : 0, group_->join_fd());
  if (!engine) return std::unexpected(engine.error());
  engine_ = std::move(*engine);
  return {};
}

base::Status Stage::set_up_targets(const Plan& plan) {
  if (base::Status done = target_->setup(plan.setup); !done) return done;
  if (base::Status done = second_target_->setup(plan.setup); !done) return done;
  naming_ = target_->session_naming();
  classifier_ = {target_->watched(), folder_->history_parts(), place_.tmux_socket,
                 target_->runs_commands()};
  names_.emplace(naming_);
  probe_ = make_session_probe(place_, *group_, *target_, *names_);
  if (plan.own_server) return {};
  if (base::Status started = probe_->start_server(); !started) return started;
  if (second_place_.tmux_socket == place_.tmux_socket) return {};
  second_names_.emplace(second_target_->session_naming());
  second_probe_ = make_session_probe(second_place_, *group_, *second_target_, *second_names_);
  return second_probe_->start_server();
}

base::Status Stage::bring_workspace_home() {
  if (!disk_) return {};
  (void)end_group();  // who is left then was listed by name
  return disk_->bring_home();
}

void Stage::end_second() {
  (void)second_target_->shut_down();  // who is left then is listed by name
  if (second_probe_) (void)second_probe_->shut_down();
}

}  // namespace stress
