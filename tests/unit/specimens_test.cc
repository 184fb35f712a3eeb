#include "harness/campaign/specimens.h"

#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace stress {
namespace {

class Specimens : public ::testing::Test {
 protected:
  Specimens() { std::ofstream(folder_ / "t.json") << "{}"; }
  /// One entry, with these members in its third line.
  base::Result<std::vector<Specimen>> load(const std::string& members) {
    std::ofstream(folder_ / "list.json")
        << "[{\n\"name\": \"a\", \"flaw\": \"f\", \"invariant\": \"i\", \"twin\": \"t.json\",\n"
        << members << "}]";
    return load_specimens(folder_ / "list.json");
  }
  std::string complaint(const std::string& members) {
    const auto loaded = load(members);
    if (loaded) return "none";
    return loaded.error().message.substr((folder_ / "list.json").string().size());
  }
  tests::TempFolder folder_;
};

TEST_F(Specimens, AreReadWithTheirFilesFromTheListsFolder) {
  const auto list = load(
      R"("target": "t.json", "engine": "storm", "arguments": ["--agents", "2"], "short": true)");
  ASSERT_TRUE(list) << list.error().message;
  ASSERT_EQ(list->size(), 1U);
  EXPECT_EQ(list->front().target, folder_ / "t.json");
  EXPECT_EQ(list->front().arguments, (std::vector<std::string>{"--agents", "2"}));
  EXPECT_TRUE(list->front().in_short);
}

TEST_F(Specimens, OneThatIsExploredTooComesASecondTime) {
  const auto list = load(R"("target": "t.json", "engine": "storm", "arguments": ["--agents", "2"],
      "explore": {"arguments": ["--spawners", "2"], "invariant": "j"})");
  ASSERT_TRUE(list) << list.error().message;
  ASSERT_EQ(list->size(), 2U);
  EXPECT_EQ(list->front().engine, "storm");
  EXPECT_EQ(list->front().invariant, "i");
  EXPECT_EQ(list->back().name, "a");
  EXPECT_EQ(list->back().engine, "explore");
  EXPECT_EQ(list->back().arguments, (std::vector<std::string>{"--spawners", "2"}));
  EXPECT_EQ(list->back().invariant, "j");
}

TEST_F(Specimens, AMistakeIsSaidWithItsLine) {
  EXPECT_EQ(complaint(R"("target": "t.json", "engine": "magic")"),
            ":3: /0/engine: must be one of storm, crashes, explore, powerloss");
  EXPECT_EQ(complaint(R"("target": "u.json", "engine": "storm")"),
            ":1: /0: no such file: " + (folder_ / "u.json").string());
  EXPECT_EQ(complaint(R"("target": "t.json", "engine": "storm", "arguments": "-x")"),
            ":3: /0/arguments: must be a list of strings");
  EXPECT_EQ(complaint(R"("target": "t.json", "engine": "storm", "explore": {"arguments": "-x"})"),
            ":3: /0/explore/arguments: must be a list of strings");
  EXPECT_EQ(complaint(R"("target": "t.json", "engine": "explore", "explore": {})"),
            ":3: /0/explore: is for specimens that another engine looks at, too");
  EXPECT_NE(complaint(R"("target": "t.json", "engine": "storm", "argments": [])")
                .find("/0/argments: no such member"),
            std::string::npos);
}

}  // namespace
}  // namespace stress
