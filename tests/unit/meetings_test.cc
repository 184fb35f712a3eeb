// Goal: a call meets others exactly where its order is open: it conflicts with another task's, and
// no lock, birth or waking puts one before the other. Method: runs told event by event.
#include "harness/schedule/meetings.h"

#include <gtest/gtest.h>

namespace stress {
namespace {

constexpr std::uint64_t kLock = 100;
constexpr std::uint64_t kFile = 1;
const std::vector<Access> kLocks = {{kLock, Touch::kChanges}};
const std::vector<Access> kReads = {{kFile, Touch::kLooks}};
const std::vector<Access> kWrites = {{kFile, Touch::kChanges}};
const std::vector<Access> kAdds = {{kFile, Touch::kAdds}};

bool met(const Meetings& meetings, const char* task, const char* key) {
  return meetings.met().contains(meeting_id(task, key));
}

TEST(Meetings, CallsThatNothingOrdersRace) {
  Meetings meetings;
  meetings.made("A", "write", kWrites);
  meetings.stands_before("B", "read", kReads);
  EXPECT_TRUE(met(meetings, "A", "write"));
  EXPECT_TRUE(met(meetings, "B", "read"));
}

TEST(Meetings, WhoOnlyLooksOrOnlyAddsRacesWithNobodyWhoDoesLikewise) {
  for (const auto& accesses : {kReads, kAdds}) {
    Meetings meetings;
    meetings.made("A", "call", accesses);
    meetings.made("B", "call", accesses);
    EXPECT_TRUE(meetings.met().empty());
  }
  Meetings meetings;
  meetings.made("A", "add", kAdds);
  meetings.stands_before("B", "list", kReads);
  EXPECT_TRUE(met(meetings, "B", "list"));
}

TEST(Meetings, WithinALockOnlyTheLocksOwnCallsRace) {
  Meetings meetings;
  for (const char* task : {"A", "B"}) {
    meetings.made(task, "lock", kLocks);
    meetings.made(task, "read", kReads);
    meetings.made(task, "write", kWrites);
    meetings.made(task, "unlock", kLocks);
  }
  for (const char* task : {"A", "B"}) {
    EXPECT_TRUE(met(meetings, task, "lock"));
    EXPECT_FALSE(met(meetings, task, "read")) << task;
    EXPECT_FALSE(met(meetings, task, "write")) << task;
  }
  EXPECT_TRUE(met(meetings, "A", "unlock"));
}

TEST(Meetings, WhatComesAfterTheLockIsOpenAgain) {
  Meetings meetings;
  meetings.made("A", "lock", kLocks);
  meetings.made("A", "unlock", kLocks);
  meetings.made("A", "late write", kWrites);
  meetings.made("B", "lock", kLocks);
  meetings.stands_before("B", "read", kReads);
  EXPECT_TRUE(met(meetings, "A", "late write"));
}

TEST(Meetings, AChildComesAfterWhatItsMakerDidBeforeAndNotAfterMore) {
  Meetings meetings;
  meetings.made("A", "before", kWrites);
  meetings.fork("A.1", "A");
  meetings.stands_before("A.1", "read", kReads);
  EXPECT_TRUE(meetings.met().empty());
  meetings.made("A", "after", kWrites);
  meetings.stands_before("A.1", "read", kReads);
  EXPECT_TRUE(met(meetings, "A", "after"));
  EXPECT_FALSE(met(meetings, "A", "before"));
}

TEST(Meetings, WhoWasWokenComesAfterTheOneWhoWokeHim) {
  Meetings meetings;
  meetings.made("A", "write", kWrites);
  meetings.wake("B", "A");
  meetings.stands_before("B", "read", kReads);
  EXPECT_TRUE(meetings.met().empty());
  meetings.stands_before("C", "read", kReads);
  EXPECT_TRUE(met(meetings, "C", "read"));
}

// The earlier of two writes is ordered, the later one is not.
TEST(Meetings, TheSameCallMadeAgainCountsByItsLastTime) {
  Meetings meetings;
  meetings.made("A", "write", kWrites);
  meetings.wake("B", "A");
  meetings.made("A", "write", kWrites);
  meetings.stands_before("B", "read", kReads);
  EXPECT_TRUE(met(meetings, "A", "write"));
}

}  // namespace
}  // namespace stress
