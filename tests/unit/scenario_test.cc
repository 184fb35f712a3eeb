#include "harness/campaign/scenario.h"

#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace stress {
namespace {

class Scenarios : public ::testing::Test {
 protected:
  base::Result<Scenario> load(const std::string& run) {
    std::ofstream(folder_ / "s.json")
        << "{\"name\": \"s\", \"seeds\": [1],\n\"run\": {" << run << "}}";
    return load_scenario(folder_ / "s.json");
  }
  tests::TempFolder folder_;
};

TEST_F(Scenarios, ATargetFileIsLookedForFromTheScenariosFolder) {
  EXPECT_EQ(load(R"("target": "../targets/x.json")")->settings.target,
            (folder_.path().parent_path() / "targets" / "x.json").string());
  EXPECT_EQ(load(R"("target": "/t/x.json")")->settings.target, "/t/x.json");
  EXPECT_EQ(load(R"("target": "builtin")")->settings.target, "builtin");
}

TEST_F(Scenarios, WhatAScenarioSaysWasAskedFor) {
  EXPECT_EQ(load(R"("kill-rate": 0.5, "agents": 3)")->settings.given,
            (std::set<std::string>{"kill-rate", "agents"}));
}

TEST_F(Scenarios, AFaultPlanIsAListOfSpecs) {
  EXPECT_EQ(load(R"("faults": ["fsync:errno=EIO:p=0.05", "rename:kill"])")->settings.faults,
            (std::vector<std::string>{"fsync:errno=EIO:p=0.05", "rename:kill"}));
  EXPECT_EQ(load("\n\"faults\": [\"fsync:kil\"]").error().message,
            (folder_ / "s.json").string() +
                ":3: run.faults: --fault 'fsync:kil': at character 7: 'kil' is no action; actions "
                "are kill, kill-mid, short=N, errno=NAME, exit=N, unlink, delay=50ms, pause=50ms");
}

TEST_F(Scenarios, AMistakeIsSaidWithItsLine) {
  EXPECT_EQ(load(R"("agents": "many")").error().message,
            (folder_ / "s.json").string() +
                ":2: run.agents: must be a whole number that is not negative, not \"many\"");
}

}  // namespace
}  // namespace stress
