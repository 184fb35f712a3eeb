#include "orchestrator/base/subprocess.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "orchestrator/base/clock.h"
#include "orchestrator/base/file_io.h"
#include "orchestrator/base/unique_fd.h"

namespace base {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Command shell(std::string script) {
  Command command;
  command.argv = {"sh", "-c", std::move(script)};
  return command;
}

class TempFolder {
 public:
  TempFolder() {
    std::string path = "/tmp/ss-sub process-XXXXXX";
    path_ = ::mkdtemp(path.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const {
    return path_ / name;
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Polls, since the watched process is not our child; the deadline is generous.
std::string await_text(const std::filesystem::path& path, std::string_view end) {
  const auto deadline = monotonic_ns() + 20'000'000'000;
  while (monotonic_ns() < deadline) {
    const auto text = read_file(path);
    if (text && text->ends_with(end)) return *text;
    std::this_thread::yield();
  }
  return "(never came)";
}

TEST(Run, GivesExitCodeAndBothStreams) {
  const auto outcome = run(shell("echo out; echo err >&2; exit 3"));
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->exit_code, 3);
  EXPECT_EQ(outcome->out, "out\n");
  EXPECT_EQ(outcome->err, "err\n");
  EXPECT_FALSE(outcome->timed_out);
}

TEST(Run, TellsTheSignalThatEndedTheCommand) {
  const auto outcome = run(shell("kill -TERM $$"));
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->exit_code, -1);
  EXPECT_EQ(outcome->signal, SIGTERM);
}

TEST(Run, PassesArgumentsVerbatim) {
  Command command;
  const std::vector<std::string> hard = {"a b", "", "'\"", "$(touch x)", "grün\n", "\\"};
  command.argv = {"printf", "<%s>"};
  command.argv.insert(command.argv.end(), hard.begin(), hard.end());
  const auto outcome = run(command);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->out, "<a b><><'\"><$(touch x)><grün\n><\\>");
}

TEST(Run, FeedsInputThenEndOfFile) {
  Command command;
  command.argv = {"cat"};
  command.input = std::string(300'000, 'x');
  const auto outcome = run(command);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->out, command.input);
}

TEST(Run, SurvivesACommandThatDoesNotReadItsInput) {
  Command command;
  command.argv = {"true"};
  command.input = std::string(300'000, 'x');
  const auto outcome = run(command);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_TRUE(outcome->ok());
}

TEST(Run, DrainsBothStreamsPastThePipesCapacity) {
  const auto outcome = run(shell("head -c 2000000 /dev/zero; head -c 2000000 /dev/zero >&2"));
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->out.size(), 2'000'000U);
  EXPECT_EQ(outcome->err.size(), 2'000'000U);
}

TEST(Run, DropsOutputPastItsLimit) {
  Command command = shell("head -c 2000000 /dev/zero");
  command.output_bytes_max = 1000;
  const auto outcome = run(command);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->out.size(), 1000U);
  EXPECT_TRUE(outcome->ok());
}

TEST(Run, NamesAMissingProgram) {
  Command command;
  for (const char* program : {"no-such-program-at-all", "/no/such/program"}) {
    command.argv = {program};
    const auto outcome = run(command);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::kNotFound);
    EXPECT_NE(outcome.error().message.find(program), std::string::npos);
  }
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a failed start leaves no zombie";
}

TEST(Run, NamesAMissingFolder) {
  Command command = shell("true");
  command.cwd = "/no/such/folder";
  const auto outcome = run(command);
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().message.find("/no/such/folder"), std::string::npos);
}

TEST(Run, FailedExecDoesNotRunOurExitHandlers) {
  const TempFolder folder;
  const auto mark = folder / "mark";
  static std::string path;
  path = mark;
  // Runs in this process at its own end too; then the folder is gone and nothing is created.
  std::atexit([] { UniqueFd fd(::open(path.c_str(), O_CREAT | O_CLOEXEC | O_WRONLY, 0600)); });
  Command command;
  command.argv = {"/no/such/program"};
  EXPECT_FALSE(run(command));
  EXPECT_FALSE(std::filesystem::exists(mark));
}

TEST(Run, UsesGivenEnvironmentAndFolder) {
  const TempFolder folder;
  Command command = shell("echo $KEY; pwd");
  command.env = {"KEY=it's {pid}", "PATH=/usr/bin:/bin"};
  command.cwd = folder.path();
  const auto outcome = run(command);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->out, fmt::format("it's {{pid}}\n{}\n", folder.path().string()));
}

TEST(Run, InheritsNothingButTheStandardStreams) {
  // Without O_CLOEXEC on purpose, as other libraries open; on both sides of our own descriptors.
  const UniqueFd low(::open("/dev/null", O_RDONLY));
  const UniqueFd high(::fcntl(low.get(), F_DUPFD, 200));
  const auto outcome = run(shell("ls /proc/$$/fd"));
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->out, "0\n1\n2\n");
}

TEST(Run, ResetsIgnoredAndBlockedSignals) {
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigset_t old;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &set, &old);
  const auto outcome = run(shell("grep -E 'Sig(Ign|Blk)' /proc/self/status"));
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  ::signal(SIGPIPE, before);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST(Run, LeavesTheCallersSignalsAsTheyWere) {
  sigset_t before;
  sigset_t after;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  ASSERT_TRUE(run(shell("true")));
  ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int signal = 1; signal < 32; ++signal) {
    EXPECT_EQ(::sigismember(&before, signal), ::sigismember(&after, signal)) << signal;
  }
}

TEST(Run, KillsAtTheTimeoutEvenOneThatIgnoresSignalsAndFloods) {
  Command command = shell("trap '' TERM HUP INT; while :; do echo flood; done");
  command.timeout = milliseconds(200);
  command.output_bytes_max = 100;
  const auto outcome = run(command);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_TRUE(outcome->timed_out);
  EXPECT_EQ(outcome->signal, SIGKILL);
  EXPECT_EQ(outcome->out.size(), 100U);
}

TEST(Run, DoesNotWaitForADescendantThatKeepsThePipes) {
  Command command = shell("sleep 1000 & echo $!");
  command.timeout = seconds(60);
  const auto outcome = run(command);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_TRUE(outcome->ok());
  EXPECT_FALSE(outcome->timed_out);
  const auto sleeper = identify(static_cast<pid_t>(std::stol(outcome->out)));
  ASSERT_TRUE(sleeper);
  EXPECT_TRUE(signal_process(*sleeper, SIGKILL));
}

TEST(Run, ManyThreadsAtOnceEachGetTheirOwnOutput) {
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    threads.reserve(8);
    for (int thread = 0; thread < 8; ++thread) {
      threads.emplace_back([thread, &right] {
        for (int round = 0; round < 20; ++round) {
          const auto outcome = run(shell(fmt::format("echo {}-{}", thread, round)));
          if (outcome && outcome->out == fmt::format("{}-{}\n", thread, round)) ++right;
        }
      });
    }
  }
  EXPECT_EQ(right, 160);
}

TEST(StartDetached, IsNobodysChildInASessionOfItsOwn) {
  const TempFolder folder;
  const auto log = folder / "log";
  const auto identity = start_detached(
      shell("cut -d' ' -f1,4,5,6 /proc/$$/stat; ls /proc/$$/fd; echo end; exec sleep 1000"), log);
  ASSERT_TRUE(identity) << identity.error().message;
  const std::string text = await_text(log, "end\n");
  const std::string pid = std::to_string(identity->pid);
  EXPECT_TRUE(text.starts_with(pid + " ")) << text;
  EXPECT_NE(text.find(fmt::format(" {} {}\n", pid, pid)), std::string::npos) << text;
  EXPECT_EQ(text.find(fmt::format(" {} ", ::getpid())), std::string::npos) << text;
  EXPECT_NE(text.find("\n0\n1\n2\nend"), std::string::npos) << text;
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(liveness(*identity), Liveness::kAlive);
  EXPECT_TRUE(signal_process(*identity, SIGKILL));
  EXPECT_TRUE(wait_dead(*identity, seconds(20)));
}

TEST(StartDetached, WritesItsOwnPidIntoTheEnvironment) {
  const TempFolder folder;
  Command command = shell("echo \"$A|$B|$C\"");
  command.env = {"A=x:{pid}:y{pid}", "B={pid}", "C=plain", "PATH=/usr/bin:/bin"};
  const auto identity = start_detached(command, folder / "log");
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(await_text(folder / "log", "plain\n"),
            fmt::format("x:{0}:y{0}|{0}|plain\n", identity->pid));
  EXPECT_TRUE(wait_dead(*identity, seconds(20)));
}

TEST(StartDetached, IdentifiesAProgramThatEndsAtOnce) {
  Command command;
  command.argv = {"true"};
  for (int round = 0; round < 20; ++round) {
    const auto identity = start_detached(command, {});
    ASSERT_TRUE(identity) << identity.error().message;
    EXPECT_TRUE(wait_dead(*identity, seconds(20)));
  }
}

TEST(StartDetached, NamesAMissingProgram) {
  Command command;
  command.argv = {"/no/such/program"};
  const auto identity = start_detached(command, {});
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().code, Errc::kNotFound);
}

TEST(StartDetached, AppendsToItsLog) {
  const TempFolder folder;
  ASSERT_TRUE(replace_file(folder / "log", "before\n"));
  const auto identity = start_detached(shell("echo after"), folder / "log");
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(await_text(folder / "log", "after\n"), "before\nafter\n");
}

}  // namespace
}  // namespace base
