#include "harness/supervise/guardian.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/supervise/members.h"
#include "harness/supervise/process_table.h"
#include "orchestrator/base/random_id.h"
#include "tests/contract/start_process.h"

namespace stress {
namespace {

namespace fs = std::filesystem;
using test::Scoped;

fs::path helper() { return fs::read_symlink("/proc/self/exe").parent_path() / "guardian_helper"; }

/// A helper process with its group, guardian, tmux server and folder.
class HeldRun {
 public:
  HeldRun() : token_("t" + base::random_id()) {
    std::string name = "/tmp/ss-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = fs::path(name) / "with space";
    fs::create_directory(folder_);
    fs::create_directory(folder_ / "sub");
    std::ofstream(folder_ / "sub" / "file") << "content";
    launch();
  }
  HeldRun(const HeldRun&) = delete;
  HeldRun& operator=(const HeldRun&) = delete;
  ~HeldRun() {
    if (process_) process_->end();
    if (guardian_) test::wait_death(guardian_->fd());
    if (holder_) holder_->end();
    // What a broken guardian has left.
    (void)end_members(token_, cgroup_, std::chrono::milliseconds{60'000});
    (void)remove_cgroup(cgroup_, std::chrono::milliseconds{10'000});
    std::error_code ignored;
    fs::remove_all(folder_.parent_path(), ignored);
  }

  [[nodiscard]] std::vector<Group::Member> members() const { return find_members(token_, cgroup_); }
  [[nodiscard]] const fs::path& folder() const { return folder_; }
  [[nodiscard]] const fs::path& cgroup() const { return cgroup_; }
  [[nodiscard]] const std::string& token() const { return token_; }
  [[nodiscard]] const Scoped& guardian() const { return *guardian_; }
  [[nodiscard]] Scoped& process() { return *process_; }
  void release_holder() { holder_->end(); }

  /// Returns the helper's exit status.
  int end_well() {
    EXPECT_EQ(::write(input_.get(), "end\n", 4), 4);
    int status = -1;
    EXPECT_TRUE(test::wait_death(process_->fd()));
    ::waitpid(process_->pid(), &status, 0);
    return status;
  }

 private:
  void launch() {
    std::array<int, 2> out{};
    std::array<int, 2> in{};
    ASSERT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
    ASSERT_EQ(::pipe2(in.data(), O_CLOEXEC), 0);
    const base::UniqueFd read_end(out[0]);
    base::UniqueFd write_end(out[1]);
    base::UniqueFd their_input(in[0]);
    input_.reset(in[1]);
    // The token in its own environment must not make it, or its guardian, a member of the group
    // that ends.
    process_ = std::make_unique<Scoped>(
        test::start({.argv = {helper().string(), "run", token_, folder_.string()},
                     .env = {"PATH=/usr/local/bin:/usr/bin:/bin", run_environment(token_)},
                     .input = their_input.get(),
                     .output = write_end.get()}));
    write_end.reset();
    std::string word;
    int tmux_status = -1;
    pid_t holder = 0;
    std::istringstream line(read_line(read_end.get()));
    line >> word >> tmux_status >> holder;
    ASSERT_EQ(word, "ready");
    ASSERT_EQ(tmux_status, 0) << "no tmux server";
    holder_ = std::make_unique<Scoped>(holder);
    std::string cgroup;
    line.get();
    std::getline(line, cgroup);
    cgroup_ = cgroup;
    for (const pid_t pid : all_processes()) {
      if (command_line(pid).find("guardian " + token_) != std::string::npos) {
        guardian_ = std::make_unique<Scoped>(pid);
      }
    }
    ASSERT_TRUE(guardian_);
  }

  static std::string read_line(int fd) {
    std::string text;
    char character = 0;
    while (::read(fd, &character, 1) == 1 && character != '\n') text += character;
    return text;
  }

  std::string token_;
  fs::path folder_;
  fs::path cgroup_;
  base::UniqueFd input_;
  std::unique_ptr<Scoped> process_;
  std::unique_ptr<Scoped> guardian_;
  std::unique_ptr<Scoped> holder_;
};

/// sleep, stubborn sh with its sleep, daemon, tmux server and its pane; the helper itself carries
/// the token too.
constexpr std::size_t kMembersAtLeast = 7;

// Goal: SIGKILL of the harness leaves nothing behind, though nobody told the guardian anything and
// a forked copy of the harness still holds its connection open.
TEST(Guardian, EndsProcessesDaemonsTmuxCgroupAndFolderWhenItsProcessIsKilled) {
  HeldRun run;
  ASSERT_GE(run.members().size(), kMembersAtLeast);
  ASSERT_TRUE(fs::is_socket(run.folder() / "tmux socket"));
  run.process().end();
  ASSERT_TRUE(test::wait_death(run.guardian().fd()));
  run.release_holder();  // without a cgroup nothing marks it
  EXPECT_TRUE(run.members().empty());
  EXPECT_FALSE(fs::exists(run.folder()));
  EXPECT_TRUE(fs::exists(run.folder().parent_path())) << "removed more than it was told";
  EXPECT_TRUE(run.cgroup().empty() || !fs::exists(run.cgroup()));
}

TEST(Guardian, LeavesAnotherRunBesideItUntouched) {
  HeldRun first;
  const HeldRun second;
  std::vector<pid_t> before;
  for (const auto& member : second.members()) before.push_back(member.pid);
  first.process().end();
  ASSERT_TRUE(test::wait_death(first.guardian().fd()));
  std::vector<pid_t> after;
  for (const auto& member : second.members()) after.push_back(member.pid);
  EXPECT_EQ(after, before);
  EXPECT_TRUE(fs::exists(second.folder() / "sub" / "file"));
  EXPECT_TRUE(second.guardian().alive());
}

TEST(Guardian, GoesWithoutADeedWhenTheRunEndsWell) {
  HeldRun run;
  EXPECT_EQ(run.end_well(), 0);
  EXPECT_TRUE(test::wait_death(run.guardian().fd()));
  EXPECT_TRUE(fs::exists(run.folder() / "sub" / "file"));
  EXPECT_TRUE(run.members().empty());
}

TEST(Guardian, OutlivesWhatATerminalSendsAndStillDoesItsWork) {
  HeldRun run;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    ASSERT_EQ(::kill(run.guardian().pid(), signal), 0);
  }
  run.process().end();
  ASSERT_TRUE(test::wait_death(run.guardian().fd()));
  EXPECT_TRUE(run.members().empty());
  EXPECT_FALSE(fs::exists(run.folder()));
}

TEST(Guardian, IsNoMemberLivesInItsOwnSessionAndHoldsNothingOfTheRun) {
  const HeldRun run;
  const pid_t pid = run.guardian().pid();
  EXPECT_EQ(::getsid(pid), pid);
  EXPECT_FALSE(has_environment(pid, run_environment(run.token())));
  for (const auto& member : run.members()) EXPECT_NE(member.pid, pid);
  std::vector<int> descriptors;
  for (const auto& entry : fs::directory_iterator(fmt::format("/proc/{}/fd", pid))) {
    descriptors.push_back(std::stoi(entry.path().filename().string()));
  }
  std::sort(descriptors.begin(), descriptors.end());
  EXPECT_EQ(descriptors, (std::vector<int>{0, 1, 2, 3}));
  for (const int fd : {1, 2}) {
    EXPECT_EQ(fs::read_symlink(fmt::format("/proc/{}/fd/{}", pid, fd)), "/dev/null");
  }
}

TEST(Guardian, RefusesFoldersWhoseLossWouldBeADisaster) {
  auto group = Group::create("t" + base::random_id());
  ASSERT_TRUE(group);
  for (const char* folder : {"/", "", "/tmp", "/tmp/", "relative/folder", "/tmp/../etc",
                             "/tmp/x/..", "//tmp", "/tmp/."}) {
    const auto started = Guardian::start(*group, {folder});
    ASSERT_FALSE(started) << folder;
    EXPECT_EQ(started.error().code, base::Errc::kInvalid);
  }
}

}  // namespace
}  // namespace stress
