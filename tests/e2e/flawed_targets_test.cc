// Goal: the harness is not blind. For each invariant there is a target that breaks just that one,
// and the harness names it; with the same seed and flags and without the flaw everything passes.
// Method: the targets are those of flawed_stress, which is `stress` but for them.
#include <map>
#include <ostream>

#include <gmock/gmock.h>

#include "tests/e2e/stress_program.h"

namespace e2e {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

/// Flags, by what they are good for. Each spawner is a process of its own. No lists and validations
/// of the workload: nobody but the harness reads the registry without its lock.
const std::map<std::string, Words> kFlags{
    {"calm", {"--sessions", "process", "--kill-rate", "0", "--unique-types"}},
    {"tmux", {"--sessions", "tmux", "--kill-rate", "0"}},
    {"limited",
     {"--sessions", "process", "--kill-rate", "0", "--max-concurrent", "5", "--accept-refusals"}},
    {"kills", {"--sessions", "process", "--kill-rate", "1"}},
    {"requested-twice",
     {"--sessions", "process", "--kill-rate", "0", "--unique-types", "--duplicate-rate", "0.5"}},
    {"damage", {"--sessions", "process", "--kill-rate", "0", "--damage", "torn"}},
    {"session-kills", {"--sessions", "process", "--kill-rate", "0", "--kill-session-rate", "0.2"}},
};

base::Outcome storm(const std::filesystem::path& out, const std::string& target,
                    const std::string& flags) {
  Words argv{FLAWED_STRESS_PROGRAM,
             "run",
             "--target",
             target,
             "--out",
             out.string(),
             "--seed",
             "7",
             "--agents",
             "4",
             "--processes",
             "4",
             "--spawns",
             "3",
             "--preload",
             "10",
             "--update-rate",
             "1",
             "--list-rate",
             "0",
             "--validate-rate",
             "0",
             "--child-rate",
             "0"};
  const Words& more = kFlags.at(flags);
  argv.insert(argv.end(), more.begin(), more.end());
  return execute(std::move(argv));
}

struct Flaw {
  const char* target;
  const char* flags;
  std::set<std::string> broken;
};
void PrintTo(const Flaw& flaw, std::ostream* out) { *out << flaw.target; }

// A record without its session, and a session without its record, are each a difference between the
// three ways of counting: no target can break the one and keep the other.
const std::vector<Flaw> kFlaws{
    {"flawed-registry-readable", "calm", {"registry-readable"}},
    {"flawed-registry-readable-lazy-repair", "damage", {"registry-readable"}},
    {"flawed-unique-ids", "calm", {"unique-ids"}},
    {"flawed-acked-present", "calm", {"acked-present"}},
    {"flawed-no-lost-update", "calm", {"no-lost-update"}},
    {"flawed-counts-match", "calm", {"counts-match"}},
    {"flawed-limits-hold", "limited", {"limits-hold"}},
    {"flawed-no-duplicates", "calm", {"no-duplicates"}},
    {"flawed-second-identity", "requested-twice", {"no-duplicates"}},
    {"flawed-hierarchy-sound", "calm", {"hierarchy-sound"}},
    {"flawed-no-ghosts", "calm", {"no-ghosts"}},
    {"flawed-no-ghosts-lazy-repair", "session-kills", {"no-ghosts", "three-way-match"}},
    {"flawed-no-orphans", "kills", {"no-orphans", "three-way-match"}},
    {"flawed-three-way-match", "tmux", {"three-way-match"}},
    {"flawed-repair-idempotent", "calm", {"repair-idempotent"}},
    {"flawed-repair-idempotent-dry-run", "calm", {"repair-idempotent"}},
    {"flawed-repair-harmless", "calm", {"repair-harmless"}},
    {"flawed-repair-harmless-foreign", "tmux", {"repair-harmless"}},
    {"flawed-progress", "calm", {"progress"}},
    {"flawed-clean-exit", "calm", {"clean-exit"}},
    {"flawed-clean-exit-daemon", "calm", {"clean-exit"}},
};

class FlawedTarget : public ::testing::TestWithParam<Flaw> {};

TEST_P(FlawedTarget, IsFoundOutByTheInvariantThatItBreaksAndByNoOther) {
  const Flaw& flaw = GetParam();
  const tests::TempFolder out;
  const base::Outcome run = storm(out.path(), flaw.target, flaw.flags);
  ASSERT_EQ(run.exit_code, 1) << run.out << run.err;
  const std::filesystem::path results = out / "latest";
  const Json report = read_json(results / "report.json");
  EXPECT_EQ(report["verdict"], "fail");
  EXPECT_EQ(invariants(report, "fail"), flaw.broken) << run.out;
  for (const Json& invariant : report["invariants"]) {
    if (invariant["verdict"] != "fail") continue;
    ASSERT_THAT(invariant["violations"], Not(IsEmpty()));
    for (const Json& violation : invariant["violations"]) {
      EXPECT_NE(violation["summary"], "");
      EXPECT_TRUE(!violation.value("agent", "").empty() || !violation["operations"].empty())
          << "names neither an agent nor an operation: " << violation;
    }
  }

  const base::Outcome again = execute({FLAWED_STRESS_PROGRAM, "check", results.string(), "--json"});
  EXPECT_EQ(again.exit_code, 1) << again.err;
  EXPECT_EQ(invariants(Json::parse(again.out, nullptr, false), "fail"), flaw.broken)
      << "its stored history is judged otherwise";
}

INSTANTIATE_TEST_SUITE_P(Each, FlawedTarget, ::testing::ValuesIn(kFlaws), [](const auto& flaw) {
  std::string name = flaw.param.target;
  std::erase(name, '-');
  return name.substr(std::string("flawed").size());
});

class Control : public ::testing::TestWithParam<const char*> {};

TEST_P(Control, PassesWithTheSameSeedAndFlags) {
  const tests::TempFolder out;
  const base::Outcome run = storm(out.path(), "control", GetParam());
  ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  const Json report = read_json(out / "latest" / "report.json");
  EXPECT_EQ(report["verdict"], "pass");
  EXPECT_THAT(invariants(report, "fail"), IsEmpty());
  EXPECT_THAT(invariants(report, "unknown"), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Each, Control,
                         ::testing::Values("calm", "tmux", "limited", "kills", "damage",
                                           "session-kills", "requested-twice"),
                         [](const auto& flags) {
                           std::string name = flags.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST(FlawedTargets, ASecondIdentityShowsOnlyWhereARequestIsMadeTwice) {
  const tests::TempFolder out;
  const base::Outcome run = storm(out.path(), "flawed-second-identity", "calm");
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
}

TEST(FlawedTargets, AreOneAtLeastForEachInvariantOfAReport) {
  const tests::TempFolder out;
  storm(out.path(), "control", "calm");
  const Json report = read_json(out / "latest" / "report.json");
  std::set<std::string> broken;
  for (const Flaw& flaw : kFlaws) broken.insert(flaw.broken.begin(), flaw.broken.end());
  // Passed, not merely inapplicable: what does not apply proves nothing about its flaw.
  EXPECT_EQ(invariants(report, "pass"), broken);
}

}  // namespace
}  // namespace e2e
