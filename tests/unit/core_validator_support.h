#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "orchestrator/base/file_io.h"
#include "orchestrator/registry/checksum.h"
#include "tests/unit/core_support.h"

namespace orc::core_test {

/// Name, mode, size, times and bytes of everything below a folder.
inline std::map<std::string, std::string> image_of(const std::filesystem::path& folder) {
  std::map<std::string, std::string> image;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    struct stat info{};
    ::stat(entry.path().c_str(), &info);
    image[entry.path().string()] = fmt::format(
        "{} {} {} {}.{} {}.{} {}", info.st_ino, info.st_mode, info.st_size, info.st_mtim.tv_sec,
        info.st_mtim.tv_nsec, info.st_ctim.tv_sec, info.st_ctim.tv_nsec,
        entry.is_regular_file() ? *base::read_file(entry.path()) : "");
  }
  return image;
}

/// Each test plants one thing that is wrong. The control without it is in SetUp: a workspace with a
/// healthy agent, in which nothing is found; that agent must come out of every repair untouched.
class ValidatorTest : public CoreTest {
 protected:
  void SetUp() override {
    CoreTest::SetUp();
    healthy = spawn("healthy")->agent_id;
    const auto report = validate(*workspace);
    ASSERT_TRUE(report) << report.error().message;
    ASSERT_TRUE(report->findings.empty()) << report->findings[0].message;
    EXPECT_EQ(report->agents_checked, 1);
    EXPECT_EQ(report->sessions_checked, 1);
    healthy_record = to_json(record(healthy));
  }

  std::vector<FindingKind> kinds(const ValidatorReport& report) {
    std::vector<FindingKind> out;
    out.reserve(report.findings.size());
    for (const auto& finding : report.findings) out.push_back(finding.kind);
    return out;
  }

  /// validate and a dry run see it and change not one byte; repair puts it right; a second repair
  /// finds nothing and changes not one byte either; nothing healthy was touched.
  void expect_found_and_repaired(const std::vector<FindingKind>& expected) {
    const auto before = image_of(root);
    const auto seen = validate(*workspace);
    ASSERT_TRUE(seen) << seen.error().message;
    EXPECT_EQ(kinds(*seen), expected)
        << (seen->findings.empty() ? "nothing" : seen->findings[0].message);
    const auto dry = repair(*workspace, true);
    EXPECT_EQ(kinds(*dry), expected);
    for (const auto& finding : dry->findings) EXPECT_FALSE(finding.repaired);
    EXPECT_EQ(image_of(root), before);

    const auto repaired = repair(*workspace);
    ASSERT_TRUE(repaired) << repaired.error().message;
    EXPECT_EQ(kinds(*repaired), expected);
    for (const auto& finding : repaired->findings) {
      EXPECT_TRUE(finding.repaired) << finding.message;
    }
    const auto after = image_of(root);
    const auto again = repair(*workspace);
    EXPECT_TRUE(again->findings.empty()) << again->findings[0].message;
    EXPECT_EQ(image_of(root), after);
    EXPECT_EQ(to_json(record(healthy)), healthy_record);
    EXPECT_TRUE(std::ranges::any_of(host->listing.sessions, [&](const Session& session) {
      return session.identity.name == session_name(healthy);
    }));
  }

  /// Reported by validate and repair alike, and left alone.
  void expect_only_reported(FindingKind kind) {
    const auto before = image_of(root);
    for (int i = 0; i < 2; ++i) {
      const auto report = repair(*workspace);
      ASSERT_TRUE(report);
      ASSERT_EQ(kinds(*report), std::vector{kind});
      EXPECT_FALSE(report->findings[0].repaired);
    }
    EXPECT_EQ(image_of(root), before);
  }

  /// Edits the registry's text behind the store's back, and makes the checksum hold again.
  void edit_registry(const std::function<void(std::string&)>& edit) {
    std::string text = *base::read_file(root / "registry.json");
    text = "{" + text.substr(text.find(',') + 1);  // the checksum is the first member
    edit(text);
    std::string compact = text;
    std::erase(compact, '\n');
    Checksum checksum;
    checksum.update(compact);
    std::filesystem::remove(root / "registry.json");
    std::ofstream(root / "registry.json")
        << fmt::format("{{\"checksum\":\"{}\",{}", checksum.hex(), text.substr(1));
  }

  /// Edits the line of one record only.
  void edit_record(const std::string& id, const std::function<void(std::string&)>& edit) {
    edit_registry([&](std::string& text) {
      const std::size_t begin = text.find(fmt::format("\n\"{}\":", id)) + 1;
      const std::size_t size = text.find('\n', begin) - begin;
      std::string line = text.substr(begin, size);
      edit(line);
      text.replace(begin, size, line);
    });
  }

  static std::string replaced(std::string text, const std::string& what, const std::string& by) {
    EXPECT_NE(text.find(what), std::string::npos) << text;
    return text.replace(text.find(what), what.size(), by);
  }

  /// One repair puts right what can be; the next ones report the rest and change not one byte.
  void expect_left_after_one_repair(const std::vector<FindingKind>& left) {
    ASSERT_TRUE(repair(*workspace));
    const auto before = image_of(root);
    for (int i = 0; i < 2; ++i) {
      const auto report = repair(*workspace);
      ASSERT_TRUE(report);
      EXPECT_EQ(kinds(*report), left);
      for (const auto& finding : report->findings) {
        EXPECT_FALSE(finding.repaired) << finding.message;
      }
    }
    EXPECT_EQ(image_of(root), before);
  }

  /// A record of an agent that has ended and has no session.
  void plant_ended(const std::string& id, const std::string& attempt) {
    Agent agent = record(healthy);
    agent.id = id;
    agent.attempt = attempt;
    agent.status = AgentStatus::kFailed;
    agent.ended_at = base::wall_now();
    agent.session.reset();
    plant(agent);
  }

  /// As import makes it: of its session only the name is known.
  void plant_imported() {
    Agent agent;
    agent.id = "imported";
    agent.task_id = "t";
    agent.type = "imported";
    agent.status = AgentStatus::kRunning;
    agent.session = SessionIdentity{"tmux", "agent_imported", "", {}, {}};
    plant(agent);
  }

  Session& listed(const std::string& id) {
    return *std::ranges::find(host->listing.sessions, record(id).attempt, &Session::attempt);
  }

  void drop_session(const std::string& id) {
    host->drop([&](const Session& session) { return session.identity.name == session_name(id); });
  }

  void make_starting(const std::string& id, const base::ProcessIdentity& owner,
                     std::chrono::seconds until_deadline = std::chrono::hours(1)) {
    change(id, [&](Agent& agent) {
      agent.status = AgentStatus::kStarting;
      agent.session.reset();
      agent.started_at.reset();
      agent.owner = owner;
      agent.deadline = base::wall_now() + until_deadline;
    });
  }

  std::string healthy;
  Json healthy_record;
};

}  // namespace orc::core_test
