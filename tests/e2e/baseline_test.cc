// Goal: with --baseline a run, a suite and a walk of crash points fail for what is new, and for
// nothing that is known.
// Method: targets that are wrong on purpose, each held against a report of its own that has its
// violations, and against one that has none.
#include <fstream>

#include <gmock/gmock.h>

#include "harness/supervise/launch.h"
#include "tests/e2e/stress_program.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Ids = std::set<std::string>;

/// Wrong only where sessions were killed: its repair leaves the ghosts as they are.
constexpr const char* kLazy = "flawed-no-ghosts-lazy-repair";
const Ids kBroken{"no-ghosts", "three-way-match"};

class KnownViolations : public ::testing::Test {
 protected:
  [[nodiscard]] fs::path latest() const { return fs::canonical(out_ / "latest"); }

  /// The report of `words`, which must end so.
  Json report(int exit_code, Words words, const char* name = "report.json") const {
    words.insert(words.begin(), FLAWED_STRESS_PROGRAM);
    words.insert(words.end(), {"--out", out_.path().string()});
    const base::Outcome run = execute(std::move(words));
    EXPECT_EQ(run.exit_code, exit_code) << run.out << run.err;
    return read_json(out_ / "latest" / name);
  }
  /// No updates: all ghosts have the same status.
  Json storm(int exit_code, const Words& more) const {
    Words words{"run", "--target",    kLazy, "--agents",    "4",       "--spawns",
                "3",   "--processes", "4",   "--sessions",  "process", "--preload",
                "10",  "--seed",      "7",   "--kill-rate", "0",       "--update-rate",
                "0"};
    words.insert(words.end(), more.begin(), more.end());
    return report(exit_code, std::move(words));
  }

  tests::TempFolder out_;
};

TEST_F(KnownViolations, DoNotFailARunAndNewOnesDo) {
  storm(0, {});
  const std::string sound = latest().string();
  const Json found = storm(1, {"--kill-session-rate", "0.2", "--baseline", sound});
  EXPECT_EQ(invariants(found, "fail"), kBroken);
  EXPECT_THAT(found["notes"].dump(), HasSubstr("0 known violations, "));
  EXPECT_THAT(found["notes"].dump(), HasSubstr(" new"));

  const std::string with_ghosts = latest().string();
  const Json known = storm(0, {"--kill-session-rate", "0.2", "--baseline", with_ghosts});
  EXPECT_EQ(known["verdict"], "pass");
  EXPECT_EQ(invariants(known, "known"), kBroken);
  EXPECT_THAT(known["notes"].dump(), HasSubstr("nothing new"));

  const Json mended = storm(0, {"--baseline", with_ghosts});
  EXPECT_EQ(invariants(mended, "known"), Ids{});
  EXPECT_THAT(mended["notes"].dump(), HasSubstr("known, but not seen this time: no-ghosts"));
}

TEST_F(KnownViolations, DoNotFailASuiteAndNewOnesDo) {
  const auto scenario = [&](const std::string& name, double killed) {
    const Json content{{"name", name},
                       {"seeds", {7}},
                       {"run",
                        {{"target", kLazy},
                         {"agents", 4},
                         {"spawns", 3},
                         {"processes", 4},
                         {"sessions", "process"},
                         {"preload", 10},
                         {"kill-rate", 0},
                         {"update-rate", 0},
                         {"kill-session-rate", killed}}}};
    std::ofstream(out_ / (name + ".json")) << content.dump();
    return (out_ / (name + ".json")).string();
  };
  const std::string ghosts = scenario("ghosts", 0.2);
  report(0, {"suite", scenario("sound", 0)});
  const Json found = report(1, {"suite", ghosts, "--baseline", latest().string()});
  EXPECT_EQ(invariants(found, "fail"), kBroken);
  // A folder of results is a baseline, too: here of both runs.
  const Json known = report(0, {"suite", ghosts, "--baseline", out_.path().string()});
  EXPECT_EQ(invariants(known, "known"), kBroken);
}

TEST_F(KnownViolations, DoNotFailAWalkOfCrashPointsAndNewOnesDo) {
  if (const base::Status possible = stress::probe_supervision(); !possible) {
    GTEST_SKIP() << "no supervision here: " << possible.error().message;
  }
  const auto walk = [&](int exit_code, const Words& more) {
    Words words{"crashes",    "--target",   "flawed-repair-idempotent",
                "--op",       "update",     "--only",
                "1",          "--sessions", "process",
                "--no-errors"};
    words.insert(words.end(), more.begin(), more.end());
    return report(exit_code, std::move(words), "crashes.json");
  };
  Json found = walk(1, {});
  EXPECT_EQ(found["points"][0]["verdict"], "violation");
  const Json known = walk(0, {"--baseline", latest().string()});
  EXPECT_EQ(known["verdict"], "pass");
  EXPECT_THAT(known["notes"].dump(), HasSubstr("nothing new"));

  // One that knows of nothing: the violations are new.
  found["control"]["broken"] = found["points"][0]["broken"] = Json::array();
  std::ofstream(out_ / "crashes.json") << found.dump();
  const Json fresh = walk(1, {"--baseline", (out_ / "crashes.json").string()});
  EXPECT_EQ(fresh["verdict"], "fail");
  EXPECT_THAT(fresh["notes"].dump(), HasSubstr("0 known violations"));
}

}  // namespace
}  // namespace e2e
