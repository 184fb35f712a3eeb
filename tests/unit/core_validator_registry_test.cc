// The registry's own text and the files beside it: counts, records that are double or illegible,
// leftovers, damage.
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "orchestrator/base/file_io.h"
#include "tests/unit/core_validator_support.h"

namespace orc::core_test {
namespace {

TEST_F(ValidatorTest, CountMismatch) {
  edit_registry([](std::string& text) {
    const std::string honest = "\"agents_active\":1";
    text.replace(text.find(honest), honest.size(), "\"agents_active\":7");
  });
  ASSERT_EQ((*workspace->store().read())->stored_counts().agents_active, 7);
  expect_found_and_repaired({FindingKind::kCountMismatch});
  EXPECT_EQ((*workspace->store().read())->stored_counts().agents_active, 1);
}

TEST_F(ValidatorTest, DuplicateIdIsReportedOnly) {
  ASSERT_TRUE(kill_agent(*workspace, healthy, ""));
  edit_registry([&](std::string& text) {
    const std::size_t begin = text.find("\n\"" + healthy) + 1;
    const std::string line = text.substr(begin, text.find('\n', begin) - begin);
    text.insert(begin, line + ",\n");
  });
  const auto report = repair(*workspace);
  ASSERT_TRUE(report) << report.error().message;
  const auto found =
      std::ranges::find(report->findings, FindingKind::kDuplicateId, &ValidatorFinding::kind);
  ASSERT_NE(found, report->findings.end());
  EXPECT_EQ(found->agent_id, healthy);
  EXPECT_FALSE(found->repaired);
}

TEST_F(ValidatorTest, TheLaterOfTwoRecordsWithOneIdIsNeverRepaired) {
  ASSERT_TRUE(kill_agent(*workspace, healthy, ""));
  edit_record(healthy, [](std::string& line) {
    const std::string first = line.ends_with(',') ? line : line + ",";
    line = first + "\n" + replaced(line, "\"status\":\"terminated\"", "\"status\":\"running\"");
  });
  expect_left_after_one_repair({FindingKind::kDuplicateId});
}

TEST_F(ValidatorTest, TheSessionOfOneOfTwoRecordsWithOneIdIsLeftAlone) {
  const std::string id = spawn()->agent_id;
  const auto process = *record(id).session->process;
  edit_record(id, [](std::string& line) {
    std::string ended = replaced(line, "\"status\":\"running\"", "\"status\":\"completed\"");
    if (!ended.ends_with(',')) ended += ',';
    line = ended + "\n" + line;
  });
  expect_left_after_one_repair({FindingKind::kUnknown, FindingKind::kDuplicateId});
  EXPECT_TRUE(host->ended.empty());
  // Nor is its process a stray where no session is listed.
  std::erase_if(host->listing.sessions,
                [&](const Session& session) { return session.identity.process == process; });
  expect_left_after_one_repair({FindingKind::kDuplicateId});
  EXPECT_EQ(base::liveness(process), base::Liveness::kAlive);
}

TEST_F(ValidatorTest, TheSessionOfAnIllegibleRecordIsLeftAlone) {
  const std::string id = spawn()->agent_id;
  const auto process = *record(id).session->process;
  edit_record(id,
              [](std::string& line) { line = replaced(line, "\"depth\":1", "\"depth\":\"?\""); });
  expect_left_after_one_repair({FindingKind::kUnknown, FindingKind::kDamagedFile});
  EXPECT_TRUE(host->ended.empty());
  EXPECT_EQ(base::liveness(process), base::Liveness::kAlive);
}

TEST_F(ValidatorTest, DuplicateTaskIsReportedOnly) {
  edit_record("t", [](std::string& line) {
    const std::string first = line.ends_with(',') ? line : line + ",";
    line = first + "\n" + line;
  });
  expect_left_after_one_repair({FindingKind::kDuplicateId});
}

TEST_F(ValidatorTest, AnIllegibleTaskIsReportedOnly) {
  edit_record("t", [](std::string& line) {
    const std::size_t begin = line.find("\"limits\":{");
    ASSERT_NE(begin, std::string::npos) << line;
    line.replace(begin, line.find('}', begin) + 1 - begin, "\"limits\":\"none\"");
  });
  ASSERT_EQ((*workspace->store().read())->task("t")->status, kUnreadableTask);
  expect_only_reported(FindingKind::kDamagedFile);
  // Its counts are counted again all the same, and only once.
  edit_record("t", [](std::string& line) {
    line = replaced(line, "\"agents_active\":1", "\"agents_active\":7");
  });
  EXPECT_EQ(kinds(*validate(*workspace)),
            (std::vector{FindingKind::kCountMismatch, FindingKind::kDamagedFile}));
  expect_left_after_one_repair({FindingKind::kDamagedFile});
}

TEST_F(ValidatorTest, ATaskWithoutRoomForCountsIsReportedOnly) {
  edit_record("t", [](std::string& line) {
    const bool more = line.ends_with(',');
    line = std::string("\"t\":{\"status\":\"active\",?}") + (more ? "," : "");
  });
  expect_only_reported(FindingKind::kDamagedFile);
}

TEST_F(ValidatorTest, BrokenHierarchyIsReportedOnly) {
  change(healthy, [](Agent& agent) { agent.depth = 3; });
  expect_only_reported(FindingKind::kBrokenHierarchy);
  change(healthy, [](Agent& agent) { agent.parent = "nobody"; });
  expect_only_reported(FindingKind::kBrokenHierarchy);
  change(healthy, [&](Agent& agent) { agent.parent = healthy; });
  expect_only_reported(FindingKind::kBrokenHierarchy);
}

TEST_F(ValidatorTest, LeftoverFiles) {
  std::ofstream(root / "registry.json.tmp-abcdefghijklm") << "{";
  std::ofstream(workspace->prompt_file(new_agent_id("coder", base::wall_now()))) << "x";
  expect_found_and_repaired({FindingKind::kLeftoverFile, FindingKind::kLeftoverFile});
}

TEST_F(ValidatorTest, WhatSomebodyKeepsAmongThePromptsIsTheirs) {
  for (const char* name :
       {"base", "coder", "never-recorded", "coder-100000-aaaaaa", "-20250101T100000-aaaaaaaaaaaaa",
        "coder-20250101T100000-aaaaaaaaaaaa1", "coder-20250101-100000-aaaaaaaaaaaaa",
        "coder-20250101T100000-aaaaaaaaaaaaa-mine", "my coder-20250101T100000-aaaaaaaaaaaaa"}) {
    std::ofstream(workspace->prompt_file(name)) << "x";
  }
  const auto before = image_of(root);
  const auto report = repair(*workspace);
  EXPECT_TRUE(report->findings.empty()) << report->findings[0].message;
  EXPECT_EQ(image_of(root), before);
}

TEST_F(ValidatorTest, PromptOfAnAgentThatNeverCameUpIsLeftover) {
  const std::string id = spawn()->agent_id;
  drop_session(id);
  change(id, [](Agent& agent) {
    agent.status = AgentStatus::kFailed;
    agent.started_at.reset();
  });
  expect_found_and_repaired({FindingKind::kLeftoverFile});
}

TEST_F(ValidatorTest, DamagedRegistry) {
  const std::string text = *base::read_file(root / "registry.json");
  // A new file: the present one is also its own backup, by a hard link.
  std::filesystem::remove(root / "registry.json");
  std::ofstream(root / "registry.json") << text.substr(0, text.size() / 2);
  expect_found_and_repaired({FindingKind::kDamagedFile});
}

TEST_F(ValidatorTest, VanishedRegistry) {
  std::filesystem::remove(root / "registry.json");
  expect_found_and_repaired({FindingKind::kDamagedFile});
}

TEST_F(ValidatorTest, DamageWithoutABackupIsReportedAndLeft) {
  std::filesystem::remove_all(root / "backups");
  std::ofstream(root / "registry.json") << "{";
  const auto report = repair(*workspace);
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(kinds(*report), std::vector{FindingKind::kDamagedFile});
  EXPECT_FALSE(report->findings[0].repaired);
}

}  // namespace
}  // namespace orc::core_test
