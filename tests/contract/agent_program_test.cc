#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "orchestrator/base/clock.h"
#include "tests/contract/start_process.h"

namespace stress {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::Scoped;

class AgentProgram : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/ss-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    log_ = folder_ / "agent log.jsonl";
  }
  void TearDown() override { fs::remove_all(folder_); }

  pid_t start(std::vector<std::string> arguments) const {
    const fs::path program = fs::read_symlink("/proc/self/exe").parent_path() / "spawnstorm-agent";
    arguments.insert(arguments.begin(), program.string());
    return test::start({.argv = arguments});
  }

  [[nodiscard]] std::vector<json> lines() const {
    std::vector<json> all;
    std::ifstream file(log_);
    for (std::string line; std::getline(file, line);) all.push_back(json::parse(line));
    return all;
  }

  /// Waits for that many lines; reading on is all the waiting there is.
  [[nodiscard]] std::vector<json> wait_for_lines(std::size_t count) const {
    const auto deadline = base::monotonic_ns() + 60'000'000'000;
    while (base::monotonic_ns() < deadline) {
      std::ifstream file(log_);
      std::size_t seen = 0;
      for (std::string line; std::getline(file, line);) ++seen;
      if (seen >= count) break;
      ::sched_yield();
    }
    return lines();
  }

  static int exit_code(const Scoped& process) {
    int status = -1;
    EXPECT_TRUE(test::wait_death(process.fd()));
    ::waitpid(process.pid(), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  fs::path folder_;
  fs::path log_;
};

TEST_F(AgentProgram, TellsOfItsBirthAndOfTheSignalThatEndedIt) {
  for (const auto& [signal, name] : {std::pair{SIGHUP, "SIGHUP"}, {SIGTERM, "SIGTERM"}}) {
    fs::remove(log_);
    const auto before = base::monotonic_ns();
    const Scoped agent(start({log_.string(), "a-1"}));
    ASSERT_EQ(wait_for_lines(1).size(), 1U);
    ASSERT_EQ(::kill(agent.pid(), signal), 0);
    EXPECT_EQ(exit_code(agent), 0);
    const auto told = lines();
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told[0]["event"], "birth");
    EXPECT_EQ(told[1]["event"], "death");
    EXPECT_EQ(told[1]["cause"], name);
    EXPECT_FALSE(told[0].contains("cause"));
    for (const auto& line : told) {
      EXPECT_EQ(line["agent"], "a-1");
      EXPECT_EQ(line["pid"], agent.pid());
      EXPECT_GE(line["at"].get<std::int64_t>(), before);
      EXPECT_LE(line["at"].get<std::int64_t>(), base::monotonic_ns());
    }
    EXPECT_LE(told[0]["at"].get<std::int64_t>(), told[1]["at"].get<std::int64_t>());
  }
}

TEST_F(AgentProgram, EndsOfItsOwnWillAfterItsLifetime) {
  const Scoped agent(start({log_.string(), "a-1", "--lifetime", "0"}));
  EXPECT_EQ(exit_code(agent), 0);
  const auto told = lines();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1]["cause"], "exit");
}

TEST_F(AgentProgram, StopAndContinueAreNoEnd) {
  const Scoped agent(start({log_.string(), "a-1", "--lifetime", "300"}));
  ASSERT_EQ(wait_for_lines(1).size(), 1U);
  ::kill(agent.pid(), SIGSTOP);
  ::waitpid(agent.pid(), nullptr, WUNTRACED);
  ::kill(agent.pid(), SIGCONT);
  ::waitpid(agent.pid(), nullptr, WCONTINUED);
  ::kill(agent.pid(), SIGTERM);
  EXPECT_EQ(exit_code(agent), 0);
  EXPECT_EQ(lines().back()["cause"], "SIGTERM");
}

TEST_F(AgentProgram, LinesOfManyNeverMix) {
  constexpr std::size_t kAgents = 40;
  std::vector<std::unique_ptr<Scoped>> agents;
  for (std::size_t i = 0; i < kAgents; ++i) {
    agents.push_back(std::make_unique<Scoped>(start({log_.string(), "a-" + std::to_string(i)})));
  }
  EXPECT_EQ(wait_for_lines(kAgents).size(), kAgents);
  for (const auto& agent : agents) ::kill(agent->pid(), SIGHUP);
  for (const auto& agent : agents) EXPECT_EQ(exit_code(*agent), 0);
  EXPECT_EQ(lines().size(), 2 * kAgents);
}

TEST_F(AgentProgram, AnIdWithQuotesStillMakesALineOfJson) {
  const Scoped agent(start({log_.string(), "a\"b\\c\n", "--lifetime", "0"}));
  EXPECT_EQ(exit_code(agent), 0);
  EXPECT_EQ(lines().at(0)["agent"], "a\"b\\c?");
}

TEST_F(AgentProgram, SaysHowItIsUsedAndWhenItCannotTell) {
  EXPECT_EQ(exit_code(Scoped(start({}))), 254);
  EXPECT_EQ(exit_code(Scoped(start({log_.string()}))), 254);
  EXPECT_EQ(exit_code(Scoped(start({log_.string(), "a", "--lifetime", "x"}))), 254);
  EXPECT_EQ(exit_code(Scoped(start({log_.string(), "a", "--lifetime", "-1"}))), 254);
  EXPECT_EQ(exit_code(Scoped(start({log_.string(), std::string(300, 'a')}))), 254);
  EXPECT_EQ(exit_code(Scoped(start({(folder_ / "none" / "log").string(), "a"}))), 74);
}

/// Under the name of a real agent, as a target starts it.
class BorrowedName : public AgentProgram {
 protected:
  void SetUp() override {
    AgentProgram::SetUp();
    fs::create_directory(folder_ / "bin");
    fs::create_symlink(program(), folder_ / "bin" / "claude");
  }
  static fs::path program() {
    return fs::read_symlink("/proc/self/exe").parent_path() / "spawnstorm-agent";
  }
  pid_t start_as(const fs::path& name, std::vector<std::string> arguments,
                 std::vector<std::string> env) const {
    arguments.insert(arguments.begin(), name.string());
    env.push_back("PATH=" + (folder_ / "bin").string() + ":/usr/bin:/bin");
    return test::start({.argv = arguments, .env = env});
  }
  [[nodiscard]] std::string log_variable() const { return "SPAWNSTORM_AGENT_LOG=" + log_.string(); }
};

TEST_F(BorrowedName, TakesAnyArgumentsAndTellsWhoItIsByAVariable) {
  const Scoped agent(start_as(folder_ / "bin" / "claude", {"-p", "Write the parser.", "--loud"},
                              {log_variable(), "SPAWNSTORM_AGENT_ID_VARIABLE=MY_ID", "MY_ID=a-1"}));
  ASSERT_EQ(wait_for_lines(1).size(), 1U);
  ::kill(agent.pid(), SIGTERM);
  EXPECT_EQ(exit_code(agent), 0);
  const auto told = lines();
  ASSERT_EQ(told.size(), 2U);
  for (const auto& line : told) {
    EXPECT_EQ(line["agent"], "a-1");
    EXPECT_EQ(line["pid"], agent.pid());
    EXPECT_EQ(line["session"], "");
    EXPECT_EQ(line["parent"], ::getpid());
  }
}

TEST_F(BorrowedName, TellsWhoItIsByAnArgumentInEitherForm) {
  for (const auto& arguments : {std::vector<std::string>{"x", "--id", "a-1"}, {"--id=a-1", "x"}}) {
    fs::remove(log_);
    const Scoped agent(start_as(folder_ / "bin" / "claude", arguments,
                                {log_variable(), "SPAWNSTORM_AGENT_ID_AFTER=--id"}));
    ASSERT_EQ(wait_for_lines(1).size(), 1U);
    EXPECT_EQ(lines().at(0)["agent"], "a-1");
  }
}

TEST_F(BorrowedName, FindsItsLogWithoutItsEnvironment) {
  fs::create_symlink(log_, folder_ / "bin" / ".agent-log");
  const Scoped agent(start_as(folder_ / "bin" / "claude", {}, {}));
  ASSERT_EQ(wait_for_lines(1).size(), 1U);
  EXPECT_EQ(lines().at(0)["agent"], "");
}

TEST_F(BorrowedName, IsNotShownByWhoFollowsTheLinkFirst) {
  const Scoped agent(start_as(program(), {"any", "words", "at", "all"}, {log_variable()}));
  EXPECT_EQ(wait_for_lines(1).size(), 1U);
}

TEST_F(BorrowedName, AnswersAQuestionForItsVersionAndIsNotBorn) {
  EXPECT_EQ(
      exit_code(Scoped(start_as(folder_ / "bin" / "claude", {"--version"}, {log_variable()}))), 0);
  EXPECT_FALSE(fs::exists(log_));
}

TEST_F(BorrowedName, TellsTheTmuxSessionThatItLivesIn) {
  const std::string server = (folder_ / "server").string();
  const auto tmux = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"tmux", "-S", server, "-f", "/dev/null"});
    return exit_code(Scoped(test::start(
        {.argv = arguments,
         .env = {"PATH=" + (folder_ / "bin").string() + ":/usr/bin:/bin", log_variable()}})));
  };
  ASSERT_EQ(tmux({"new-session", "-d", "-s", "agent_a-1", "claude", "--go"}), 0);
  const auto told = wait_for_lines(1);
  EXPECT_EQ(tmux({"kill-server"}), 0);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]["session"], "agent_a-1");
}

}  // namespace
}  // namespace stress
