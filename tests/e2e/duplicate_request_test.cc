// Goal: the same request twice is held against what the target promises of it, also when a stored
// history is judged again.
// Method: storms in which half the requests are made twice: on a target that answers both with one
// id, on one that does so only once the first is running, and on one that promises nothing.
#include <gmock/gmock.h>

#include "tests/e2e/stress_program.h"

namespace e2e {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class DuplicateRequest : public ::testing::Test {
 protected:
  Json storm(const std::string& specimen, int seed, const std::string& rate) {
    Words argv{STRESS_PROGRAM, "--agents", "4", "--spawns", "3", "--json", "--kill-rate", "0"};
    argv.insert(argv.end(), {"--child-rate", "0", "--seed", std::to_string(seed)});
    argv.insert(argv.end(), {"--duplicate-rate", rate, "--out", (folder_ / "r").string()});
    argv.insert(argv.end(),
                {"--target", SPAWNSTORM_SOURCE_DIR "/scenarios/specimens/python/" + specimen});
    return Json::parse(execute(argv).out, nullptr, false);
  }
  static std::string evidence(const Json& report, const std::string& id) {
    for (const Json& invariant : report["invariants"]) {
      if (invariant["id"] == id) return invariant["evidence"];
    }
    return {};
  }
  tests::TempFolder folder_;
};

TEST_F(DuplicateRequest, IsAnsweredWithOneIdByWhoPromisesIt) {
  const Json report = storm("idempotent.json", 1, "0.5");
  EXPECT_EQ(report["verdict"], "pass") << report["invariants"];
  EXPECT_THAT(evidence(report, "unique-ids"), HasSubstr("6 requests made twice"));
}

TEST_F(DuplicateRequest, IsFoundToHaveMadeTwoAgentsByWhoDoesNotKeepThatPromise) {
  std::set<std::string> broken;
  // A storm is statistical: the second request must come while the first is at work.
  for (int seed = 1; seed <= 4 && !broken.contains("unique-ids"); ++seed) {
    broken = invariants(storm("second_identity.json", seed, "0.5"), "fail");
  }
  EXPECT_THAT(broken, Contains("unique-ids"));
  EXPECT_THAT(broken, Contains("no-duplicates"));
  const base::Outcome again =
      execute({STRESS_PROGRAM, "check", (folder_ / "r" / "latest").string(), "--json"});
  EXPECT_EQ(again.exit_code, 1) << again.err;
  EXPECT_EQ(invariants(Json::parse(again.out, nullptr, false), "fail"), broken);
  EXPECT_EQ(storm("second_identity.json", 1, "0")["verdict"], "pass");
}

TEST_F(DuplicateRequest, MakesTwoAgentsWhereNothingIsPromised) {
  const Json report = storm("orchestrator.json", 1, "0.5");
  EXPECT_EQ(report["verdict"], "pass") << report["invariants"];
}

}  // namespace
}  // namespace e2e
