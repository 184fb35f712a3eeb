#include "harness/campaign/run_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace stress {
namespace {

using ::testing::Contains;

// A target that asks git where it is would else find the repository that the results lie in.
TEST(RunFolder, IsWhereTheSearchForARepositoryEnds) {
  const tests::TempFolder out;
  const auto folder = RunFolder::create_in(out / "results");
  ASSERT_TRUE(folder) << folder.error().message;
  const RunPlace place = folder->place("tmux", "TOKEN=1");
  const std::string ceiling = "GIT_CEILING_DIRECTORIES=" + (out / "results").string();
  EXPECT_THAT(place.env, Contains(ceiling));
  EXPECT_EQ(place.workspace.parent_path(), out / "results");
  const auto second = folder->second_place(place, true);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_THAT(second->env, Contains(ceiling));
}

}  // namespace
}  // namespace stress
