// Goal: a lock file that is deleted under its holder costs nobody an acknowledged change, and the
// harness finds whom it does.
// Method: one change by `orchestrator`, whose lock file is deleted at an exact call; and storms
// with the same fault, on the core, on an orchestrator that never looks at what it has locked, and
// on that one without the fault.
#include <gmock/gmock.h>

#include "tests/e2e/stress_program.h"
#include "tests/unit/engine_fixture.h"

namespace e2e {
namespace {

using stress::Op;
using stress::Proceed;
using stress::Sys;
using stress::Verdict;
using ::testing::Contains;

class DeletedLock : public stress::EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (IsSkipped()) return;
    workspace_ = folder_ / "w";
    ASSERT_EQ(execute(orchestrator({"init"})).exit_code, 0);
  }
  Words orchestrator(const Words& more) const {
    Words argv{ORCHESTRATOR_PROGRAM, "--workspace", workspace_.string()};
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
  }
  /// One change, with the lock file deleted right before its first call that `when` holds for.
  int change(const std::function<bool(const Op&)>& when) {
    script_.rule = [&](const Op& op) -> Verdict {
      if (when(op)) std::filesystem::remove(workspace_ / "registry.lock");
      return Proceed{};
    };
    return WEXITSTATUS(run(orchestrator({"task", "create", "--id", "T", "Survive."})));
  }
  std::string registry() const {
    return base::read_file(workspace_ / "registry.json").value_or("");
  }
  Json storm(const Words& more) {
    Words argv{STRESS_PROGRAM, "--agents", "6", "--spawns", "4", "--update-rate", "1", "--json"};
    argv.insert(argv.end(), {"--out", (folder_ / "r").string()});
    argv.insert(argv.end(), more.begin(), more.end());
    return Json::parse(execute(argv).out, nullptr, false);
  }
  const Words unlinks_{"--fault", "flock@*registry.lock:unlink:p=0.1", "--fault",
                       "unlock@*registry.lock:unlink:p=0.1"};
  const std::string never_looks_ =
      SPAWNSTORM_SOURCE_DIR "/scenarios/specimens/python/orchestrator.json";
  std::filesystem::path workspace_;
};

TEST_F(DeletedLock, TheControlSucceeds) {
  EXPECT_EQ(change([](const Op&) { return false; }), 0);
}

TEST_F(DeletedLock, WhoSeesItBeforeItPublishesWritesNothing) {
  const std::string before = registry();
  EXPECT_EQ(change([](const Op& op) { return op.sys == Sys::kSync && !op.folder; }), 1);
  EXPECT_EQ(registry(), before);
}

TEST_F(DeletedLock, WhoSeesItAfterItPublishedDoesNotAcknowledge) {
  const std::string before = registry();
  EXPECT_EQ(change([this](const Op& op) {
              return op.sys == Sys::kRename && op.path2 == workspace_ / "registry.json";
            }),
            1);
  EXPECT_NE(registry(), before);
}

TEST_F(DeletedLock, AStormOnTheCoreLosesNoAcknowledgedChange) {
  Words flags{"--sessions", "process", "--seed", "1"};
  flags.insert(flags.end(), unlinks_.begin(), unlinks_.end());
  const Json report = storm(flags);
  EXPECT_EQ(report["verdict"], "pass") << report["invariants"];
  for (const Json& line : report["faults"]) EXPECT_GT(line["injected"], 0) << line;
}

TEST_F(DeletedLock, WhoNeverLooksAtWhatItHasLockedIsFound) {
  std::set<std::string> broken;
  // A storm is statistical: two must hold the lock and write.
  for (int seed = 1; seed <= 12 && broken.empty(); ++seed) {
    Words flags{"--target", never_looks_, "--seed", std::to_string(seed)};
    flags.insert(flags.end(), unlinks_.begin(), unlinks_.end());
    broken = invariants(storm(flags), "fail");
  }
  EXPECT_THAT(broken, Contains("no-lost-update"));
  EXPECT_EQ(storm({"--target", never_looks_, "--seed", "1"})["verdict"], "pass");
}

}  // namespace
}  // namespace e2e
