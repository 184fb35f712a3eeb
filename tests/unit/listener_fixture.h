#pragma once

#include <poll.h>
#include <sys/wait.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "harness/supervise/blind_spots.h"
#include "harness/supervise/decode.h"
#include "harness/supervise/filter.h"
#include "harness/supervise/launch.h"
#include "harness/supervise/reaper.h"
#include "harness/supervise/stopped.h"
#include "tests/support/temp_folder.h"

/// A program under the test's own hands: each stopped call is decoded and handed to the test, which
/// answers it. No engine, no policy.
namespace stress {

class ListenerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const base::Status possible = probe_supervision(); !possible) {
      GTEST_SKIP() << "no supervision here: " << possible.error().message;
    }
  }

  static void let_go(const Stopped& stopped) { stopped.go_on(); }

  /// Runs a program in the folder, to the end of all its processes; returns its wait status.
  int run(std::vector<std::string> argv, std::uint32_t set,
          const std::function<void(const Stopped&)>& answer = let_go) {
    const auto filter = build_filter(set);
    EXPECT_TRUE(filter) << filter.error().message;
    LaunchSpec spec{std::move(argv), {"PATH=/usr/bin:/bin"}, folder_.path(), output()};
    const auto launched = launch(spec, &*filter, -1);
    EXPECT_TRUE(launched) << launched.error().message;
    Tasks tasks(launched->pid);
    seen_.clear();
    first_looks_.clear();
    pollfd ready{launched->listener.get(), POLLIN, 0};
    while (poll(&ready, 1, 60'000) == 1 && (ready.revents & POLLIN) != 0) {
      Stopped stopped;
      stopped.listener = launched->listener.get();
      if (ioctl(stopped.listener, SECCOMP_IOCTL_NOTIF_RECV, &stopped.notification) != 0) continue;
      auto op = decode(stopped.notification, tasks, 0, launched->pid);
      if (!op || blind_spot_kind(stopped.notification.data)) {
        stopped.go_on();
        continue;
      }
      stopped.op = *op;
      first_looks_.push_back(glance(stopped.notification, tasks).value_or(Op{}));
      seen_.push_back(std::move(*op));
      answer(stopped);
    }
    EXPECT_NE(ready.revents & POLLHUP, 0) << "the program did not end";
    if ((ready.revents & POLLHUP) == 0) kill(launched->pid, SIGKILL);
    int status = -1;
    waitpid(launched->pid, &status, 0);
    disown_child(launched->pid);
    return status;
  }

  [[nodiscard]] std::filesystem::path output() const {
    return folder_.path().parent_path() / "output";
  }
  [[nodiscard]] std::string in_folder(const std::string& name) const { return folder_ / name; }

  tests::TempFolder folder_;
  std::vector<Op> seen_;         ///< of the last run
  std::vector<Op> first_looks_;  ///< glance() at each of them
};

}  // namespace stress
