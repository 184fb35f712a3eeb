#include "harness/campaign/settings_fit.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/campaign/crashes.h"
#include "tests/unit/target_file_support.h"

namespace stress {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

class SettingsFit : public ::testing::Test {
 protected:
  base::Result<StormSettings> fit(StormSettings settings, const json& change = {}) {
    json target = testing::smallest_target();
    if (!change.is_null()) target.merge_patch(change);
    settings.target = folder_.write("t.json", target).string();
    return fit_to_target(std::move(settings));
  }
  testing::TargetFolder folder_;
};

TEST_F(SettingsFit, DefaultsThatATargetCannotMeetBecomeNothing) {
  const auto fitted = fit({});
  ASSERT_TRUE(fitted) << fitted.error().message;
  EXPECT_EQ(fitted->update_rate, 0);
  EXPECT_EQ(fitted->kill_rate, 0);
  EXPECT_EQ(fitted->list_rate, 0);
  EXPECT_EQ(fitted->validate_rate, 0);
  EXPECT_EQ(fitted->child_rate, 0);
  EXPECT_EQ(fitted->preload, 0);
  EXPECT_EQ(fitted->agents, StormSettings{}.agents);
}

TEST_F(SettingsFit, WhatIsOfferedStays) {
  const auto fitted = fit({}, {{"kill", {{"argv", {"orc", "kill", "{agent_id}"}}}}});
  ASSERT_TRUE(fitted) << fitted.error().message;
  EXPECT_EQ(fitted->kill_rate, StormSettings{}.kill_rate);
}

TEST_F(SettingsFit, WhatWasAskedForAndCannotBeMetIsAnError) {
  StormSettings settings;
  settings.given = {"kill-rate"};
  EXPECT_EQ(fit(settings).error().message, "--kill-rate 0.1: the target small has no kill");
  settings.given = {"sessions"};
  settings.sessions = "process";
  EXPECT_THAT(fit(settings).error().message,
              HasSubstr("the target small has sessions of kind tmux"));
  settings = {};
  settings.given = {"max-concurrent"};
  settings.max_concurrent = 3;
  EXPECT_THAT(fit(settings).error().message,
              HasSubstr("--max-concurrent 3: the target small sets"));
}

TEST_F(SettingsFit, OfTwoEqualRequestsOneMayBeRefusedUnlessBothGetOneAnswer) {
  StormSettings settings;
  settings.duplicate_rate = 0.5;
  EXPECT_FALSE(fit(settings)->accept_refusals);
  json promises{{"no-duplicates", true}};
  EXPECT_TRUE(fit(settings, {{"promises", promises}})->accept_refusals);
  promises["idempotent-spawn"] = true;
  EXPECT_FALSE(fit(settings, {{"promises", promises}})->accept_refusals);
}

TEST(Settings, ASecondCallerNeedsAPlace) {
  StormSettings settings;
  settings.agents = 600;
  EXPECT_EQ(problem_with(settings), "");
  settings.duplicate_rate = 0.1;
  EXPECT_THAT(problem_with(settings), HasSubstr("--agents must be below 512, not 600"));
}

TEST_F(SettingsFit, EachSpawnerHasAnMcpServerOfItsOwnUnlessAskedOtherwise) {
  const json server = {{"mcp", {{"argv", {"server"}}}}};
  EXPECT_EQ(fit({}, server)->threads, 1u);
  EXPECT_EQ(fit({})->threads, 0u);
  StormSettings two;
  two.processes = 2;
  EXPECT_EQ(fit(two, server)->threads, 0u);
}

TEST_F(SettingsFit, SessionsAreOfTheKindThatTheFileSays) {
  const auto fitted = fit({}, {{"sessions", {{"kind", "none"}, {"name", nullptr}}}});
  ASSERT_TRUE(fitted) << fitted.error().message;
  EXPECT_EQ(fitted->sessions, "none");
}

TEST_F(SettingsFit, APidCannotBeReusedWhereThereAreNoSessions) {
  const json none = {{"sessions", {{"kind", "none"}, {"name", nullptr}}}};
  StormSettings settings;
  settings.reuse_pid_rate = 0.5;
  settings.given = {"reuse-pid-rate"};
  EXPECT_THAT(fit(settings, none).error().message,
              HasSubstr("--reuse-pid-rate 0.5: the target small has no sessions"));
}

TEST(FaultsInRoom, AreThoseThatWereAskedForAndNoneByDefault) {
  StormSettings settings;
  EXPECT_TRUE(faults_in_room(settings).empty());
  settings.reuse_pid_rate = 0.1;
  EXPECT_EQ(faults_in_room(settings), std::vector<std::string>{"--reuse-pid-rate"});
  settings.full_disk_rate = 0.1;
  EXPECT_EQ(faults_in_room(settings),
            (std::vector<std::string>{"--full-disk-rate", "--reuse-pid-rate"}));
}

TEST_F(SettingsFit, RefusalsByADeclaredLimitAreAccepted) {
  const json limit = {{"promises", {{"max_concurrent", 5}}}};
  EXPECT_TRUE(fit({}, limit)->accept_refusals);
  StormSettings few;
  few.agents = 2;
  few.spawns = 2;
  EXPECT_FALSE(fit(few, limit)->accept_refusals);
}

TEST(CrashSettings, AnUntilThatIsNoInvariantIsRefusedByWhatThereIs) {
  CrashSettings settings;
  for (const char* known : {"", "no-orphans", "usable-afterwards"}) {
    settings.until = known;
    EXPECT_EQ(problem_with(settings), "");
  }
  settings.until = "no-orphan";
  EXPECT_THAT(
      problem_with(settings),
      AllOf(HasSubstr("--until must be one of registry-readable, unique-ids, "),
            HasSubstr("clean-exit, bystander-unharmed, usable-afterwards, not 'no-orphan'")));
}

}  // namespace
}  // namespace stress
