// Goal: a lock is its holder's until he ends, and then his heir's; no step that may have released
// it is forgotten. Method: made-up locks.
#include "harness/schedule/lock_holders.h"

#include <gmock/gmock.h>

namespace stress {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kLock = 7;
const LockKey kFile{1, 2};

bool nobody(const std::string& /*task*/) { return false; }
bool child(const std::string& task) { return task == "A.1"; }

TEST(LockHolders, OfTheDeadWithoutAnHeirTheLockIsFreeAndTheirStepsAreTold) {
  LockHolders holders;
  holders.taken(kLock, "A.1", kFile);
  holders.stepped("A.1", 11);
  holders.stepped("B", 12);
  const auto no_heir = [](const LockKey& /*file*/) { return std::string(); };
  EXPECT_THAT(holders.ended(nobody, no_heir), IsEmpty());
  EXPECT_EQ(holders.holder_of(kLock), "A.1");
  EXPECT_THAT(holders.ended(child, no_heir), ElementsAre(11));
  EXPECT_EQ(holders.holder_of(kLock), "");
  EXPECT_FALSE(holders.any());
}

TEST(LockHolders, AnHeirHoldsTheLockAndEitherOnesStepsMayHaveReleasedIt) {
  LockHolders holders;
  holders.taken(kLock, "A.1", kFile);
  holders.stepped("A.1", 11);
  const auto heir = [](const LockKey& file) { return std::string(file == kFile ? "A" : ""); };
  EXPECT_THAT(holders.ended(child, heir), IsEmpty());
  EXPECT_EQ(holders.holder_of(kLock), "A");
  holders.stepped("A", 13);
  EXPECT_THAT(holders.found_free(kLock), ElementsAre(11, 13));
  EXPECT_FALSE(holders.any());
}

}  // namespace
}  // namespace stress
