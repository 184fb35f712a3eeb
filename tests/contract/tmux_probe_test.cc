// Goal: a session is one session, however many panes its user or its target has split it into.
// Method: a tmux server of the test's own.
#include <string>

#include <gtest/gtest.h>

#include "harness/campaign/session_probes.h"
#include "orchestrator/base/subprocess.h"
#include "tests/support/temp_folder.h"

namespace stress {
namespace {

class TmuxProbes : public ::testing::Test {
 protected:
  TmuxProbes() {
    const base::Status started = probe_->start_server();
    EXPECT_TRUE(started) << (started ? "" : started.error().message);
  }
  ~TmuxProbes() override { EXPECT_TRUE(probe_->shut_down()); }

  static RunPlace place_in(const std::filesystem::path& folder) {
    RunPlace place;
    place.tmux_socket = folder / "tmux";
    place.env = {"PATH=/usr/bin:/bin", "HOME=" + folder.string(), "SHELL=/bin/sh"};
    return place;
  }
  /// What it prints.
  std::string tmux(const std::vector<std::string>& words) const {
    base::Command command;
    command.argv = {"tmux", "-S", place_.tmux_socket.string(), "-N"};
    command.argv.insert(command.argv.end(), words.begin(), words.end());
    command.env = place_.env;
    const auto outcome = base::run(command);
    EXPECT_TRUE(outcome && outcome->ok()) << (outcome ? outcome->err : outcome.error().message);
    return outcome ? outcome->out : "";
  }
  /// The pid of the pane that is made.
  std::int64_t make_pane(std::vector<std::string> words) const {
    words.insert(words.end(), {"-d", "-P", "-F", "#{pane_pid}", "sleep", "infinity"});
    return std::stoll("0" + tmux(words));
  }
  /// Those that are an agent's by their name.
  [[nodiscard]] std::vector<ObservedSession> agents() const {
    std::vector<ObservedSession> sessions = probe_->look().sessions;
    std::erase_if(sessions, [](const ObservedSession& session) { return !session.marked; });
    return sessions;
  }

  tests::TempFolder folder_;
  const RunPlace place_ = place_in(folder_.path());
  SessionNaming naming_{.suffix = {}, .agents_are_stand_ins = false, .option = {}, .value = {}};
  AgentNames names_{naming_};
  std::unique_ptr<SessionProbe> probe_ = make_tmux_probe(place_, naming_, names_);
};

TEST_F(TmuxProbes, SeeASessionOfManyPanesOnceByThePaneThatIsRecorded) {
  const std::int64_t first = make_pane({"new-session", "-s", "agent_a-1"});
  const std::int64_t second = make_pane({"split-window", "-t", "=agent_a-1:"});
  ASSERT_EQ(agents().size(), 1U);
  EXPECT_EQ(agents().front().pid, first);
  EXPECT_EQ(agents().front().agent, "a-1");
  Observation registry;
  registry.agents.emplace_back();
  registry.agents.back().id = "a-1";
  registry.agents.back().pid = second;
  names_.learn(registry);
  ASSERT_EQ(agents().size(), 1U);
  EXPECT_EQ(agents().front().pid, second);
}

TEST_F(TmuxProbes, StrikeNothingWhereTheSessionHasEndedByItself) {
  make_pane({"new-session", "-s", "agent_a-1"});
  const ObservedSession session = agents().at(0);
  EXPECT_EQ(probe_->kill_session(session), Struck::kYes);
  EXPECT_EQ(probe_->kill_session(session), Struck::kNothingThere);
  // Nor where it was the last.
  tmux({"set-option", "-g", "exit-empty", "off"});
  tmux({"kill-session", "-t", "=stress-keeper"});
  EXPECT_EQ(probe_->kill_session(session), Struck::kNothingThere);
}

}  // namespace
}  // namespace stress
