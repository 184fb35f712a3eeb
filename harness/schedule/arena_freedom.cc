// How the arena lets all calls through while others look, and how it ends.
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <span>

#include "harness/schedule/arena.h"
#include "harness/schedule/stillness.h"
#include "harness/supervise/process_table.h"
#include "harness/supervise/reaper.h"

namespace stress {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using State = ScheduledTask::State;

constexpr auto kShortest = 100us;

}  // namespace

void Arena::free_all() {
  note_names_changed();
  for (const auto& [label, task] : tasks_.all()) {
    task->first = false;  // a server's start is nobody's step
    if (task->state == State::kParked) let_go(*task);
  }
  start_serving();
}

void Arena::start_serving() {
  server_wake_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  server_ = std::jthread([this, wake = server_wake_.get()](const std::stop_token& stop) {
    serve_freely(stop, false, wake);
  });
}

void Arena::stop_serving() {
  if (!server_.joinable()) return;
  server_.request_stop();
  eventfd_write(server_wake_.get(), 1);
  server_.join();
}

void Arena::while_servers_run(const std::function<void()>& talk) {
  const base::UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  std::jthread server(
      [this, fd = wake.get()](const std::stop_token& stop) { serve_freely(stop, true, fd); });
  talk();
  server.request_stop();
  eventfd_write(wake.get(), 1);
  server.join();
  note_names_changed();
}

void Arena::serve_freely(const std::stop_token& stop, bool servers_only, int wake) const {
  std::vector<pollfd> listeners = {{wake, POLLIN, 0}};
  for (const auto& root : roots_) {
    if (servers_only && root->role != Role::kServer) continue;
    listeners.push_back({root->launched.listener.get(), POLLIN, 0});
  }
  while (!stop.stop_requested()) {
    if (poll(listeners.data(), listeners.size(), -1) <= 0) continue;
    for (pollfd& listener : std::span(listeners).subspan(1)) {
      if ((listener.revents & POLLIN) != 0) {
        Stopped stopped;
        stopped.listener = listener.fd;
        const int got = ioctl(listener.fd, SECCOMP_IOCTL_NOTIF_RECV, &stopped.notification);
        if (got == 0) stopped.go_on();
      } else if ((listener.revents & POLLHUP) != 0) {
        listener.fd = -1;
      }
    }
  }
}

void Arena::rule(std::function<void(const ScheduledTask&, std::string_view)> on_new) {
  tasks_.on_new({});
  const auto begun = Clock::now();
  do {  // a pane that was closed takes a moment to be gone, and would shift the labels of the next
    look_again();
    if (tasks_.only_settlers() && all_rest()) break;
    std::this_thread::sleep_for(kShortest);
  } while (Clock::now() - begun < setting_.patience);
  stop_serving();
  tasks_.on_new(std::move(on_new));
}

/// What a set-up has started may still be at its beginning, and would go on in the schedule.
bool Arena::all_rest() const {
  bool rest = true;
  for (const auto& [label, task] : tasks_.all()) {
    if (task->state != State::kDead && look_at(*task) != Motion::kSleeps) rest = false;
  }
  return rest;
}

void Arena::look_again() {
  tasks_.forget_dead();
  tasks_.look_for_new_everywhere();
}

void Arena::settle_servers() {
  look_again();
  tasks_.settle_here();
}

void Arena::kill_tasks(bool servers_too) {
  for (const auto& [label, task] : tasks_.all()) {
    if (task->state == State::kDead || task->tid != task->pid || task->born == 0) continue;
    if (!servers_too && is_servers(*task)) continue;
    const base::UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, task->pid, 0)));
    const auto stat = read_stat(task->pid);
    if (!process.valid() || !stat || stat->start_ticks != task->born) continue;
    syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
    pollfd dead{process.get(), POLLIN, 0};
    poll(&dead, 1, kDeathMs);
  }
  for (const auto& root : roots_) {
    if (root->reaped || (root->role == Role::kServer && !servers_too)) continue;
    ::kill(root->launched.pid, SIGKILL);
    waitpid(root->launched.pid, nullptr, 0);
    disown_child(root->launched.pid);
    root->reaped = true;
  }
}

void Arena::end_programs() {
  stop_serving();
  kill_tasks(false);
  tasks_.forget([this](const ScheduledTask& task) { return !is_servers(task); });
  // Servers were launched first, so their tasks' root numbers stay.
  std::erase_if(roots_, [](const auto& root) { return root->role == Role::kProgram; });
  ended_.clear();
  free_all();
}

void Arena::end() {
  stop_serving();
  kill_tasks(true);
  roots_.clear();
  tasks_.forget([](const ScheduledTask&) { return true; });
  ended_.clear();
}

}  // namespace stress
