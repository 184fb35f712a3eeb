// Goal: the arrows between folders, as ARCHITECTURE.md draws them, hold in every source file.
// Method: each #include line that names a file of the project is looked up in the table below. A
// folder without a row is an error, so that nobody gets out of the rules by making a new one.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace {
namespace fs = std::filesystem;

/// Files whose path begins with `from` may include project files whose path begins with one of
/// `to`. Of several rows that fit, the one with the longest `from` counts.
struct Rule {
  std::string_view from;
  std::vector<std::string_view> to;
  std::string_view why;
};

const std::vector<Rule>& rules() {
  static const std::vector<Rule> table = {
      {"orchestrator/base/", {"orchestrator/base/"}, "base knows nothing of the project"},
      {"orchestrator/registry/",
       {"orchestrator/base/", "orchestrator/registry/"},
       "a store knows no sessions and no policy"},
      {"orchestrator/session/",
       {"orchestrator/base/", "orchestrator/session/", "orchestrator/registry/record.h"},
       "a session host knows what a record is, but no store and no policy"},
      {"orchestrator/core/",
       {"orchestrator/base/", "orchestrator/registry/", "orchestrator/session/",
        "orchestrator/core/"},
       "policy knows no command line"},
      {"orchestrator/cli/", {"orchestrator/"}, "the product contains no test code"},

      {"harness/choice/", {"harness/choice/"}, "randomness depends on labels and nothing else"},
      {"harness/history/",
       {"harness/history/", "orchestrator/base/"},
       "a history is data that outlives the code which made it"},
      {"harness/check/",
       {"harness/check/", "harness/history/", "reports/model/"},
       "a judge that shares code with what it judges hides shared bugs"},
      {"harness/supervise/",
       {"harness/supervise/", "orchestrator/base/"},
       "the supervisor works on any program"},
      {"harness/target/",
       {"harness/target/", "harness/history/", "orchestrator/base/"},
       "only the built-in target knows the orchestrator"},
      {"harness/target/builtin",
       {"harness/target/", "harness/history/", "orchestrator/base/", "orchestrator/registry/",
        "orchestrator/session/", "orchestrator/core/"},
       "the built-in target uses the library, not its command line"},
      {"harness/workload/",
       {"harness/workload/", "harness/target/", "harness/history/", "harness/choice/",
        "orchestrator/base/"},
       "a workload drives targets and knows no faults"},
      {"harness/fault/",
       {"harness/fault/", "harness/workload/", "harness/supervise/", "harness/history/",
        "harness/choice/", "orchestrator/base/"},
       "faults are policies on the supervisor and know no targets"},
      {"harness/schedule/",
       {"harness/schedule/", "harness/supervise/", "harness/choice/", "orchestrator/base/"},
       "schedules are of any programs"},
      {"harness/explore/",
       {"harness/explore/", "harness/schedule/", "harness/campaign/", "harness/target/",
        "harness/supervise/", "harness/check/", "harness/history/", "harness/choice/",
        "orchestrator/base/", "reports/model/"},
       "an exploration drives schedules as a campaign drives storms"},
      {"harness/campaign/",
       {"harness/campaign/", "harness/fault/", "harness/workload/", "harness/target/",
        "harness/supervise/", "harness/check/", "harness/history/", "harness/choice/",
        "orchestrator/base/", "reports/model/"},
       "a campaign fills in plain results; printing them is the command line's"},
      {"harness/cli/",
       {"harness/", "orchestrator/base/", "reports/"},
       "only the built-in target knows the orchestrator"},

      {"reports/model/", {"reports/model/"}, "results are plain data"},
      {"reports/writers/",
       {"reports/writers/", "reports/model/"},
       "a report can be written where nothing else of the project is"},
  };
  return table;
}

/// Of other projects: headers that begin with `header` belong in one file only.
struct Confined {
  std::string_view header;
  std::string_view file;
  std::string_view why;
};
constexpr Confined kConfined[] = {{"boost/process", "orchestrator/base/subprocess.cc",
                                   "its traps between fork and exec are dealt with in one place"}};

struct Include {
  std::string file;  ///< from the repository's root
  int line = 0;
  std::string header;
  bool quoted = false;
};

std::vector<Include> scan(const fs::path& root) {
  static const std::regex include(R"re(^\s*#\s*include\s*(["<])([^">]+)[">].*)re");
  std::vector<Include> found;
  for (const char* top : {"orchestrator", "harness", "reports"}) {
    if (!fs::is_directory(root / top)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / top)) {
      const fs::path extension = entry.path().extension();
      if (extension != ".h" && extension != ".cc") continue;
      std::ifstream in(entry.path());
      std::string text;
      for (int line = 1; std::getline(in, text); ++line) {
        std::smatch match;
        if (!std::regex_match(text, match, include)) continue;
        found.push_back({entry.path().lexically_relative(root).generic_string(), line,
                         match[2].str(), match[1].str() == "\""});
      }
    }
  }
  return found;
}

const Rule* rule_for(std::string_view file) {
  const Rule* best = nullptr;
  for (const Rule& rule : rules()) {
    if (file.starts_with(rule.from) && (best == nullptr || rule.from.size() > best->from.size())) {
      best = &rule;
    }
  }
  return best;
}

/// The sentence about what is wrong with an include, if anything is.
std::optional<std::string> problem(const Include& include) {
  const auto begins = [&](std::string_view prefix) { return include.header.starts_with(prefix); };
  for (const Confined& confined : kConfined) {
    if (begins(confined.header) && include.file != confined.file) {
      return fmt::format("only {} may include {}: {}", confined.file, confined.header,
                         confined.why);
    }
  }
  const bool ours =
      begins("orchestrator/") || begins("harness/") || begins("reports/") || begins("tests/");
  if (!ours) {
    if (!include.quoted) return std::nullopt;
    return "files of the project are included by their path from the repository's root";
  }
  const Rule* rule = rule_for(include.file);
  if (rule == nullptr) return "no row of tests/layering/layering_test.cc names its folder";
  if (std::ranges::any_of(rule->to, begins)) return std::nullopt;
  return fmt::format("{}* may include only {}: {}", rule->from, fmt::join(rule->to, ", "),
                     rule->why);
}

std::vector<std::string> violations(const fs::path& root) {
  std::vector<std::string> sentences;
  for (const Include& include : scan(root)) {
    if (const auto sentence = problem(include)) {
      sentences.push_back(fmt::format("{}:{}: includes {}; {}", include.file, include.line,
                                      include.header, *sentence));
    }
  }
  return sentences;
}

TEST(Layering, EveryIncludeFollowsTheArrows) {
  EXPECT_THAT(violations(SPAWNSTORM_SOURCE_DIR), testing::IsEmpty());
}

TEST(Layering, EveryRowOfTheTableStillNamesFiles) {
  const std::vector<Include> includes = scan(SPAWNSTORM_SOURCE_DIR);
  for (const Rule& rule : rules()) {
    const auto applies = [&](const Include& include) { return rule_for(include.file) == &rule; };
    EXPECT_TRUE(std::ranges::any_of(includes, applies)) << rule.from;
  }
}

class PlantedInclude : public testing::Test {
 protected:
  void plant(const fs::path& file, const std::string& line) {
    fs::create_directories((folder_ / file).parent_path());
    std::ofstream(folder_ / file) << "#pragma once\n\n" << line << "\n";
  }
  std::vector<std::string> found() { return violations(folder_.path()); }

 private:
  tests::TempFolder folder_;
};

TEST_F(PlantedInclude, IsFoundWithFileLineAndRule) {
  plant("harness/check/deep/judge.h", "#include \"orchestrator/registry/store.h\"");
  EXPECT_THAT(
      found(),
      testing::ElementsAre(
          "harness/check/deep/judge.h:3: includes orchestrator/registry/store.h; "
          "harness/check/* may include only harness/check/, harness/history/, "
          "reports/model/: a judge that shares code with what it judges hides shared bugs"));
}

TEST_F(PlantedInclude, IsFoundAgainstEachArrow) {
  const std::vector<std::pair<std::string, std::string>> forbidden = {
      {"orchestrator/base/a.cc", "\"orchestrator/registry/record.h\""},
      {"orchestrator/registry/a.cc", "\"orchestrator/session/session_host.h\""},
      {"orchestrator/session/a.cc", "\"orchestrator/registry/store.h\""},
      {"orchestrator/core/a.cc", "\"orchestrator/cli/command.h\""},
      {"orchestrator/cli/a.cc", "\"harness/choice/choice.h\""},
      {"orchestrator/cli/b.cc", "\"tests/support/temp_folder.h\""},
      {"orchestrator/core/b.cc", "\"reports/model/report.h\""},
      {"harness/choice/a.cc", "\"orchestrator/base/error.h\""},
      {"harness/history/a.cc", "\"harness/target/target.h\""},
      {"harness/supervise/a.cc", "<orchestrator/registry/record.h>"},
      {"harness/target/other.cc", "\"orchestrator/core/spawner.h\""},
      {"harness/target/builtin.cc", "\"orchestrator/cli/command.h\""},
      {"harness/campaign/a.cc", "  \"reports/writers/writers.h\""},
      {"harness/cli/a.cc", "\"orchestrator/core/spawner.h\""},
      {"reports/model/a.cc", "\"reports/writers/writers.h\""},
      {"reports/writers/a.cc", "\"orchestrator/base/file_io.h\""},
      {"harness/newcomer/a.cc", "\"orchestrator/base/error.h\""},
      {"harness/campaign/b.cc", "<boost/process/v2/process.hpp>"},
      {"orchestrator/base/b.cc", "\"error.h\""},
  };
  for (const auto& [file, header] : forbidden) plant(file, "#include " + header);
  std::vector<testing::Matcher<std::string>> expected;
  expected.reserve(forbidden.size());
  for (const auto& [file, header] : forbidden) {
    expected.push_back(testing::StartsWith(file + ":3: includes "));
  }
  EXPECT_THAT(found(), testing::UnorderedElementsAreArray(expected));
}

TEST_F(PlantedInclude, IsLeftAloneWhereItIsAllowed) {
  plant("orchestrator/base/subprocess.cc", "#include <boost/process/v2/process.hpp>");
  plant("orchestrator/session/a.cc", "#include \"orchestrator/registry/record.h\"");
  plant("harness/target/builtin_more.cc", "#include \"orchestrator/core/spawner.h\"");
  plant("harness/cli/a.cc", "#include \"reports/writers/writers.h\"");
  plant("harness/choice/a.cc", "// not a line of code: #include \"orchestrator/cli/command.h\"");
  EXPECT_THAT(found(), testing::IsEmpty());
}

}  // namespace
