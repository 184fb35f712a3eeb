#include <atomic>
#include <thread>

#include "orchestrator/base/file_io.h"
#include "orchestrator/base/file_lock.h"
#include "orchestrator/core/start_place.h"
#include "orchestrator/session/tmux_quoting.h"
#include "tests/support/lock_waiters.h"
#include "tests/unit/core_support.h"

namespace orc::core_test {
namespace {

using base::Errc;
using SpawnerTest = CoreTest;

base::Error error(Errc code) { return {code, 0, "planted"}; }

/// What each failed spawn must leave: a failed record, no session of ours, no prompt.
#define EXPECT_CLEANED_UP()                                             \
  do {                                                                  \
    ASSERT_EQ(records().size(), 1u);                                    \
    EXPECT_EQ(records()[0].status, AgentStatus::kFailed);               \
    EXPECT_TRUE(host->listing.sessions.empty());                        \
    EXPECT_TRUE(std::filesystem::is_empty(workspace->prompt_folder())); \
  } while (false)

TEST_F(SpawnerTest, RunsByIntentGateAndCommit) {
  Agent during;
  std::vector<std::string> argv;
  host->before_create = [&](const SessionSpec& spec) {
    during = records().at(0);
    argv = spec.argv;
    EXPECT_EQ(spec.attempt, during.attempt);
    EXPECT_EQ(spec.workspace, workspace->config().workspace_id);
  };
  const auto reply = spawn();
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(during.status, AgentStatus::kStarting);
  EXPECT_EQ(during.owner, base::self_identity());
  EXPECT_TRUE(during.deadline);
  EXPECT_EQ(argv, (std::vector<std::string>{"/bin/orchestrator", "gate", root.string(),
                                            reply->agent_id, during.attempt, "--", "agent"}));
  const Agent after = record(reply->agent_id);
  EXPECT_EQ(after.status, AgentStatus::kRunning);
  EXPECT_EQ(after.session, host->listing.sessions.at(0).identity);
  EXPECT_FALSE(after.owner);
  EXPECT_FALSE(after.deadline);
  EXPECT_EQ(reply->session, "agent_" + reply->agent_id);
}

TEST_F(SpawnerTest, CommitsExactlyTwoGenerations) {
  const auto before = (*workspace->store().read())->generation();
  ASSERT_TRUE(spawn());
  EXPECT_EQ((*workspace->store().read())->generation(), before + 2);
}

std::vector<base::FileLock> take_all_places(const Workspace& workspace) {
  std::vector<base::FileLock> taken;
  const auto places = start_places(workspace);
  taken.reserve(places.size());
  for (std::size_t i = 0; i < places.size(); ++i) taken.push_back(*take_start_place(workspace));
  return taken;
}

TEST_F(SpawnerTest, HasAPlaceOfItsOwnAsLongAsItIsOnItsWay) {
  const auto taken = [&] {
    return std::ranges::count_if(start_places(*workspace), [](const auto& place) {
      return !base::FileLock::acquire_any({place}, std::chrono::milliseconds(0));
    });
  };
  host->before_create = [&](const SessionSpec&) { EXPECT_EQ(taken(), 1); };
  EXPECT_TRUE(spawn());
  EXPECT_EQ(taken(), 0);
}

TEST_F(SpawnerTest, WritesNothingUntilItHasAPlace) {
  auto places = take_all_places(*workspace);
  std::jthread spawner([&] { EXPECT_TRUE(spawn()); });
  EXPECT_TRUE(tests::wait_until_it_waits(::getpid()));
  EXPECT_TRUE(records().empty());
  places.pop_back();
  spawner.join();
  EXPECT_EQ(records().size(), 1u);
}

TEST_F(SpawnerTest, GoesWithoutAPlaceWhereNobodyFreesOne) {
  make({.start_timeout = std::chrono::milliseconds(30)});
  const auto places = take_all_places(*workspace);
  EXPECT_TRUE(spawn());
}

TEST_F(SpawnerTest, TellsTheAgentItsTaskItsGuidanceAndHowToReport) {
  TaskRequest task;
  task.id = "guided";
  task.description = "Describe the thing";
  task.guidance = {{"style", "terse"}};
  ASSERT_TRUE(create_task(*workspace, task));
  SpawnRequest request;
  request.task_id = "guided";
  request.type = "coder";
  request.prompt = "Do it \xc3\xa4";
  const auto reply = Spawner(*workspace, "/bin/orchestrator").spawn(request);
  ASSERT_TRUE(reply);
  const std::string text = *base::read_file(reply->prompt_file);
  for (const char* part : {"Describe the thing", "style: terse", "Do it \xc3\xa4", "update",
                           "finding", reply->agent_id.c_str()}) {
    EXPECT_NE(text.find(part), std::string::npos) << part;
  }
}

TEST_F(SpawnerTest, TellsTheAgentACommandForHelpersThatWorks) {
  const auto helper_line = [&](const Workspace& where, const std::string& id) {
    const std::string text = *base::read_file(where.prompt_file(id));
    const auto from = text.find(" spawn --task");
    return text.substr(from, text.find('\n', from) - from);
  };
  EXPECT_TRUE(helper_line(*workspace, spawn()->agent_id).ends_with("--prompt TEXT"));
  Config config;
  config.sessions = "process";
  ASSERT_TRUE(Workspace::init(folder / "bare", config, {}));
  const auto bare = Workspace::open(folder / "bare",
                                    {.operations_log = true, .host = std::make_unique<FakeHost>()});
  TaskRequest task;
  task.id = "t";
  task.description = "Build it";
  ASSERT_TRUE(create_task(*bare, task));
  SpawnRequest request;
  request.task_id = "t";
  request.type = "coder";
  request.command = {"my-agent", "{prompt_file}", "two words"};
  const auto reply = Spawner(*bare, "/bin/orchestrator").spawn(request);
  ASSERT_TRUE(reply) << reply.error().message;
  const std::string line = helper_line(*bare, reply->agent_id);
  const std::string words = fmt::format(" -- {} {} {}", shell_word("my-agent"),
                                        shell_word("{prompt_file}"), shell_word("two words"));
  EXPECT_TRUE(line.ends_with("--prompt TEXT" + words)) << line;
}

TEST_F(SpawnerTest, RefusesAProgramThatIsNotThereBeforeItsIntent) {
  std::ofstream(root / "here").flush();  // no program yet
  const auto generation = (*workspace->store().read())->generation();
  SpawnRequest request;
  request.task_id = "t";
  request.type = "coder";
  request.find_program = true;
  const Spawner spawner(*workspace, "/bin/orchestrator");
  for (const char* program : {"no-such-program", "/no/such/program", "./here", "/tmp"}) {
    request.command = {program};
    const auto reply = spawner.spawn(request);
    ASSERT_FALSE(reply) << program;
    EXPECT_EQ(reply.error().code, Errc::kInvalid);
    EXPECT_NE(reply.error().message.find(program), std::string::npos);
  }
  EXPECT_EQ((*workspace->store().read())->generation(), generation);
  EXPECT_TRUE(records().empty());
  // Control: what is there, or known only once the agent has a record, is admitted.
  std::filesystem::permissions(root / "here", std::filesystem::perms::owner_all);
  for (const char* program : {"sh", "/bin/sh", "./here", "{type}"}) {
    request.command = {program};
    EXPECT_TRUE(spawner.spawn(request)) << program;
  }
}

TEST_F(SpawnerTest, ReplacesPlaceholdersOnce) {
  std::vector<std::string> argv;
  host->before_create = [&](const SessionSpec& spec) { argv = spec.argv; };
  SpawnRequest request;
  request.task_id = "t";
  request.type = "coder";
  request.command = {"run", "{type}/{task_id}", "--id={agent_id}", "{other}", "{prompt_file}"};
  const auto reply = Spawner(*workspace, "/bin/orchestrator").spawn(request);
  ASSERT_TRUE(reply);
  EXPECT_EQ(std::vector(argv.begin() + 6, argv.end()),
            (std::vector<std::string>{"run", "coder/t", "--id=" + reply->agent_id, "{other}",
                                      reply->prompt_file.string()}));
}

TEST_F(SpawnerTest, RefusesWithoutEffect) {
  make({}, {2, 0, 2}, {0, 0, 0});
  const auto first = spawn("a");
  const auto second = spawn("b", first->agent_id);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->depth, 2);
  const auto generation = (*workspace->store().read())->generation();
  EXPECT_EQ(spawn("c").error().code, Errc::kRefused);  // two at once
  ASSERT_TRUE(kill_agent(*workspace, first->agent_id, ""));
  EXPECT_EQ(spawn("c", first->agent_id).error().code, Errc::kRefused);   // its parent has ended
  EXPECT_EQ(spawn("c", second->agent_id).error().code, Errc::kRefused);  // depth 3
  EXPECT_EQ(spawn("c", "nobody").error().code, Errc::kNotFound);
  EXPECT_EQ(spawn("no space").error().code, Errc::kInvalid);
  EXPECT_EQ(spawn(std::string(29, 'x')).error().code, Errc::kInvalid);
  EXPECT_EQ((*workspace->store().read())->generation(), generation + 2);  // the kill's
  EXPECT_TRUE(spawn("c"));
}

TEST_F(SpawnerTest, HoldsTheTasksLimitsToo) {
  make({}, {0, 0, 0}, {0, 2, 0});
  ASSERT_TRUE(spawn());
  ASSERT_TRUE(spawn());
  EXPECT_EQ(spawn().error().code, Errc::kRefused);
}

TEST_F(SpawnerTest, RefusesASecondOfAUniqueTypeUntilTheFirstHasEnded) {
  SpawnRequest request;
  request.task_id = "t";
  request.type = "lead";
  request.unique_type = true;
  const Spawner spawner(*workspace, "/bin/orchestrator");
  const auto first = spawner.spawn(request);
  ASSERT_TRUE(first);
  EXPECT_EQ(spawner.spawn(request).error().code, Errc::kRefused);
  request.type = "other";
  EXPECT_TRUE(spawner.spawn(request));
  request.type = "lead";
  ASSERT_TRUE(kill_agent(*workspace, first->agent_id, ""));
  EXPECT_TRUE(spawner.spawn(request));
}

TEST_F(SpawnerTest, NeedsACommand) {
  Config config;
  config.sessions = "process";
  ASSERT_TRUE(Workspace::init(folder / "bare", config, {}));
  const auto bare = Workspace::open(folder / "bare");
  SpawnRequest request;
  request.task_id = "t";
  request.type = "coder";
  const auto reply = Spawner(*bare, "/bin/orchestrator").spawn(request);
  EXPECT_EQ(reply.error().code, Errc::kInvalid);
  EXPECT_NE(reply.error().message.find("init --agent-command"), std::string::npos);
}

TEST_F(SpawnerTest, CleansUpWhenTheHostRefuses) {
  host->create_error = error(Errc::kInvalid);
  const auto reply = spawn();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Errc::kIo);  // never a code that promises 'no effect'
  EXPECT_CLEANED_UP();
}

TEST_F(SpawnerTest, EndsASessionThatCameUpThoughTheHostTimedOut) {
  host->create_error = error(Errc::kTimeout);
  host->made_all_the_same = true;
  EXPECT_EQ(spawn().error().code, Errc::kTimeout);
  EXPECT_CLEANED_UP();
  EXPECT_EQ(host->ended.size(), 1u);
}

TEST_F(SpawnerTest, MarksTheRecordFailedEvenWhenTheHostIsSilent) {
  host->create_error = error(Errc::kUnavailable);
  host->list_error = error(Errc::kUnavailable);
  EXPECT_EQ(spawn().error().code, Errc::kUnavailable);
  EXPECT_CLEANED_UP();
}

TEST_F(SpawnerTest, NeverEndsAForeignSessionOfTheSameName) {
  host->before_create = [&](const SessionSpec& spec) { host->add(spec.name, "", ""); };
  host->create_error = error(Errc::kExists);
  EXPECT_FALSE(spawn());
  EXPECT_EQ(host->listing.sessions.size(), 1u);
  EXPECT_EQ(records().at(0).status, AgentStatus::kFailed);
}

TEST_F(SpawnerTest, EndsItsSessionWhenItsRecordWasGivenUpMeanwhile) {
  host->after_create = [&](const SessionSpec&) {
    change(records().at(0).id, [](Agent& agent) { agent.status = AgentStatus::kFailed; });
  };
  EXPECT_EQ(spawn().error().code, Errc::kConflict);
  EXPECT_CLEANED_UP();
}

TEST_F(SpawnerTest, EndsItsSessionWhenTheLockIsNotToBeHadForTheCommit) {
  Config config;
  config.lock_timeout = std::chrono::milliseconds(50);
  make(config);
  std::optional<base::FileLock> held;
  host->after_create = [&](const SessionSpec&) {
    held.emplace(*base::FileLock::acquire(root / "registry.lock", std::chrono::seconds(5)));
  };
  EXPECT_EQ(spawn().error().code, Errc::kTimeout);
  held.reset();
  EXPECT_TRUE(host->listing.sessions.empty());
  EXPECT_TRUE(std::filesystem::is_empty(workspace->prompt_folder()));
  // The record could not be reached; its owner lives, so its deadline frees it.
  EXPECT_EQ(records().at(0).status, AgentStatus::kStarting);
}

TEST_F(SpawnerTest, KillDuringTheStartWins) {
  host->after_create = [&](const SessionSpec&) {
    ASSERT_TRUE(kill_agent(*workspace, records().at(0).id, "changed my mind"));
  };
  EXPECT_EQ(spawn().error().code, Errc::kConflict);
  EXPECT_EQ(records().at(0).status, AgentStatus::kTerminated);
  EXPECT_TRUE(host->listing.sessions.empty());
  EXPECT_TRUE(std::filesystem::is_empty(workspace->prompt_folder()));
}

TEST_F(SpawnerTest, KeepsWhatAQuickAgentReportedBeforeTheCommit) {
  AgentUpdate update;
  host->after_create = [&](const SessionSpec&) {
    ASSERT_TRUE(update_agent(*workspace, records().back().id, update));
  };
  update = {AgentStatus::kWorking, 10, "on it"};
  const auto working = spawn();
  ASSERT_TRUE(working) << working.error().message;
  EXPECT_EQ(record(working->agent_id).status, AgentStatus::kWorking);
  EXPECT_EQ(record(working->agent_id).progress, 10);
  EXPECT_TRUE(record(working->agent_id).session);
  update = {AgentStatus::kCompleted, 100, "done"};
  const auto done = spawn();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(record(done->agent_id).status, AgentStatus::kCompleted);
  EXPECT_TRUE(record(done->agent_id).session);
}

// Goal: however many spawn at once, no limit is exceeded and no count is wrong.
// Method: 16 threads, each with its own opened workspace, against a limit of 5.
TEST_F(SpawnerTest, LimitsHoldUnderManySpawners) {
  make({}, {5, 0, 0});
  std::atomic<int> ok = 0, refused = 0, other = 0;
  std::vector<std::jthread> threads;
  threads.reserve(16);
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      const auto mine =
          Workspace::open(root, {.operations_log = true, .host = std::make_unique<FakeHost>()});
      SpawnRequest request;
      request.task_id = "t";
      request.type = "coder";
      for (int n = 0; n < 3; ++n) {
        const auto reply = Spawner(*mine, "/bin/orchestrator").spawn(request);
        ++(reply ? ok : reply.error().code == Errc::kRefused ? refused : other);
      }
    });
  }
  threads.clear();
  EXPECT_EQ(ok, 5);
  EXPECT_EQ(refused, 43);
  EXPECT_EQ(other, 0);
  EXPECT_EQ((*workspace->store().read())->counts().agents_active, 5);
}

// The gate's refusals; that it opens is shown end to end, since it replaces the process.
TEST_F(SpawnerTest, GateStaysClosedOnceTheRecordWasGivenUp) {
  const auto reply = spawn();
  const Agent agent = record(reply->agent_id);
  EXPECT_EQ(run_gate(*workspace, agent.id, "other-attempt", {"/no/such/agent"}), kGateClosed);
  EXPECT_EQ(run_gate(*workspace, agent.id, "", {"/no/such/agent"}), kGateClosed);
  EXPECT_EQ(run_gate(*workspace, "nobody", agent.attempt, {"/no/such/agent"}), kGateClosed);
  for (const AgentStatus status : {AgentStatus::kStopping, AgentStatus::kFailed,
                                   AgentStatus::kTerminated, AgentStatus::kCompleted}) {
    change(agent.id, [&](Agent& record) { record.status = status; });
    EXPECT_EQ(run_gate(*workspace, agent.id, agent.attempt, {"/no/such/agent"}), kGateClosed);
  }
  // Control: with the record as it was it gets as far as running the command.
  change(agent.id, [&](Agent& record) { record.status = AgentStatus::kStarting; });
  EXPECT_EQ(run_gate(*workspace, agent.id, agent.attempt, {"/no/such/agent"}), 127);
}

// An agent that is acknowledged must not be lost because many others stand at the lock.
TEST_F(SpawnerTest, GateLooksWithoutTheLockWhereItIsNotToBeHad) {
  Config config;
  config.lock_timeout = std::chrono::milliseconds(50);
  make(config);
  const Agent running = record(spawn()->agent_id);
  const Agent given_up = record(spawn()->agent_id);
  change(given_up.id, [](Agent& agent) { agent.status = AgentStatus::kFailed; });
  const auto held = base::FileLock::acquire(root / "registry.lock", std::chrono::seconds(5));
  ASSERT_TRUE(held);
  EXPECT_EQ(run_gate(*workspace, running.id, running.attempt, {"/no/such/agent"}), 127);
  EXPECT_EQ(run_gate(*workspace, given_up.id, given_up.attempt, {"/no/such/agent"}), kGateClosed);
}

}  // namespace
}  // namespace orc::core_test
