// Baselines of explorations: what a stored one has is known and does not fail.
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/cli/baseline.h"
#include "reports/writers/writers.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/exploration_samples.h"

namespace stress {
namespace {

using report::Exploration;
using report::Verdict;
using report::testing::failing_exploration;
using ::testing::Contains;
using ::testing::HasSubstr;

class KnownExplorations : public ::testing::Test {
 protected:
  void store(Exploration exploration) {
    exploration.version = SPAWNSTORM_VERSION;
    std::ofstream(folder_.path() / "exploration.json") << to_json(exploration);
  }
  [[nodiscard]] base::Result<std::vector<StoredReport>> load(const std::string& target) const {
    return load_baselines({folder_.path()}, {target}, BaselineOf::kExploration);
  }
  [[nodiscard]] Exploration held_against_it(Exploration exploration) const {
    const auto stored = load(exploration.target);
    EXPECT_TRUE(stored) << stored.error().message;
    if (stored) hold_against(baseline_for(*stored, exploration.target), exploration);
    return exploration;
  }

  tests::TempFolder folder_;
};

TEST_F(KnownExplorations, DoNotFailAgain) {
  store(failing_exploration());
  Exploration again = failing_exploration();
  again.unknown = 0;
  const Exploration known = held_against_it(again);
  EXPECT_EQ(known.verdict, Verdict::kPass);
  EXPECT_EQ(known.failures[0].broken[0].verdict, Verdict::kKnown);
  EXPECT_THAT(known.notes, Contains("held against a baseline: 2 known violations, nothing new"));
}

TEST_F(KnownExplorations, FailForWhatIsNew) {
  Exploration one = failing_exploration();
  one.failures.pop_back();
  store(one);
  EXPECT_EQ(held_against_it(failing_exploration()).verdict, Verdict::kFail);
}

TEST_F(KnownExplorations, AreUnknownWhereTheRestCouldNotBeJudged) {
  store(failing_exploration());
  const Exploration unknown = held_against_it(failing_exploration());
  EXPECT_EQ(unknown.verdict, Verdict::kUnknown);
  EXPECT_EQ(unknown.reason, "1 schedule could not be judged");
}

TEST_F(KnownExplorations, AreOfTheirTarget) {
  store(failing_exploration());
  EXPECT_THAT(load("another.json").error().message, HasSubstr("is on the target builtin"));
}

}  // namespace
}  // namespace stress
