// Goal: `stress` works on orchestrators that others have written, unmodified.
// Method: small storms on the target files that are shipped for them. Each is skipped where that
// orchestrator is not installed; scenarios/targets/README.md says how to install it.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>

#include <gmock/gmock.h>

#include "tests/e2e/stress_program.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::IsSupersetOf;

bool on_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (::access((fs::path(folder) / program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

/// A storm of two spawners with two spawns each.
class RealTargets : public testing::Test {
 protected:
  Json storm(const std::string& target, const Words& more = {}) {
    Words argv{STRESS_PROGRAM, "run", "--target", SPAWNSTORM_SOURCE_DIR "/scenarios/" + target,
               "--agents",     "2",   "--spawns", "2",
               "--seed",       "5",   "--out",    out_.path().string(),
               "--json"};
    argv.insert(argv.end(), more.begin(), more.end());
    const base::Outcome outcome = execute(argv);
    const Json report = Json::parse(outcome.out, nullptr, false);
    EXPECT_FALSE(report.is_discarded()) << outcome.out << outcome.err;
    return report.is_discarded() ? Json::object() : report;
  }

  tests::TempFolder out_;
};

TEST_F(RealTargets, AnMcpServerComesThroughCrashes) {
  const Json report = storm("specimens/mcp/orchestrator.json", {"--crash-rate", "0.5"});
  EXPECT_EQ(report["verdict"], "pass") << report.dump(1);
  EXPECT_THAT(invariants(report, "pass"),
              IsSupersetOf({"acked-present", "no-ghosts", "no-orphans", "three-way-match"}));
}

TEST_F(RealTargets, AgentOrchestratorMcpIsSoundWithoutFaults) {
  if (!on_path("agent-orchestrator-mcp")) GTEST_SKIP() << "no agent-orchestrator-mcp on PATH";
  const Json report = storm("targets/agent-orchestrator-mcp.json");
  EXPECT_EQ(report["verdict"], "pass") << report.dump(1);
  EXPECT_THAT(invariants(report, "pass"),
              IsSupersetOf({"acked-present", "no-ghosts", "no-orphans", "three-way-match"}));
}

TEST_F(RealTargets, AgentOrchestratorMcpKeepsGhostsOfPanesThatEnd) {
  if (!on_path("agent-orchestrator-mcp")) GTEST_SKIP() << "no agent-orchestrator-mcp on PATH";
  const Json report = storm("targets/agent-orchestrator-mcp.json", {"--kill-session-rate", "0.5"});
  EXPECT_EQ(report["verdict"], "fail") << report.dump(1);
  EXPECT_THAT(invariants(report, "fail"), Contains("no-ghosts"));
}

TEST_F(RealTargets, SupervisordIsSoundWithoutFaults) {
  if (!on_path("supervisord")) GTEST_SKIP() << "no supervisord on PATH";
  const Json report = storm("targets/supervisord.json");
  EXPECT_EQ(report["verdict"], "pass") << report.dump(1);
  EXPECT_THAT(invariants(report, "pass"), IsSupersetOf({"acked-present", "no-ghosts"}));
}

}  // namespace
}  // namespace e2e
