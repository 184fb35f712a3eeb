// Goal: spawns have places in the order of commits where that is certain, and nowhere else; and
// what contradicts it is found. Method: reads of a registry, one after another, as an explorer
// makes them; what the judges of all runs say of what was filled in.
#include "harness/explore/commit_watch.h"

#include <map>

#include "tests/unit/check_matchers.h"
#include "tests/unit/evidence_builder.h"

namespace stress::testing {
namespace {

using Places = std::map<std::string, std::uint64_t>;

/// A schedule as steps, looks at its registry, and answers. An operation is called as its agent.
class CommitWatchTest : public ::testing::Test {
 protected:
  void acts(const std::string& operation) {
    watch_.stepped({.operation = operation, .acts = true});
  }
  /// Somebody changed it, as whose act is not said. `records`: status by agent.
  void reads(const std::map<std::string, std::string>& records) {
    watch_.stepped({.changes = true});
    looks(records);
  }
  void looks(const std::map<std::string, std::string>& records) {
    Observation registry;
    registry.readable = true;
    for (const auto& [id, status] : records) {
      ObservedAgent& agent = registry.agents.emplace_back();
      agent.id = id;
      agent.status = status;
    }
    watch_.saw(registry);
  }
  void prepared(const std::string& agent) {
    const std::int64_t now = -10 + 2 * static_cast<std::int64_t>(run_.raw().operations.size());
    run_.spawn(agent, now, now + 1).client = kSetupClient;
    watch_.prepared(agent);
  }
  Operation& spawned(const std::string& agent, std::int64_t begin, std::int64_t end) {
    watch_.answered(agent, agent);
    return run_.spawn(agent, begin, end);
  }
  Places places() {
    watch_.number(run_.raw());
    Places places;
    for (const Operation& op : run_.raw().operations) {
      if (op.committed) places[op.agent] = *op.committed;
    }
    return places;
  }
  report::InvariantResult judged() {
    watch_.number(run_.raw());
    for (report::InvariantResult& result : check_all(run_.evidence())) {
      if (result.id == "linearizable") return result;
    }
    return {};
  }

  RunStory run_;
  CommitWatch watch_;
};

TEST_F(CommitWatchTest, PlacesSpawnsAsTheirRecordsCame) {
  prepared("p");
  prepared("q");
  looks({{"p", "running"}, {"q", "running"}});
  reads({{"p", "running"}, {"q", "running"}, {"b", "running"}});
  reads({{"p", "running"}, {"q", "running"}, {"b", "running"}, {"a", "running"}});
  spawned("a", 1, 9);
  spawned("b", 1, 9);
  EXPECT_EQ(places(), (Places{{"p", 1}, {"q", 2}, {"b", 3}, {"a", 4}}));
}

TEST_F(CommitWatchTest, DoesNotPlaceWhatCameBetweenTwoLooks) {
  looks({});
  reads({{"a", "running"}, {"b", "running"}});
  reads({{"a", "running"}, {"b", "running"}, {"c", "running"}});
  for (const char* agent : {"a", "b", "c"}) spawned(agent, 1, 9);
  EXPECT_EQ(places(), (Places{{"c", 1}}));
}

// A list may show what is starting, or not.
TEST_F(CommitWatchTest, DoesNotPlaceSpawnsWhosePhasesMeet) {
  looks({});
  reads({{"a", "starting"}});
  reads({{"a", "starting"}, {"b", "starting"}});
  reads({{"a", "starting"}, {"b", "running"}});
  reads({{"a", "running"}, {"b", "running"}});
  spawned("a", 1, 9);
  spawned("b", 1, 9);
  EXPECT_EQ(places(), Places{});
}

TEST_F(CommitWatchTest, PlacesSpawnsOfTwoPhasesThatDoNotMeet) {
  looks({});
  reads({{"a", "starting"}});
  reads({{"a", "running"}});
  reads({{"a", "running"}, {"b", "starting"}});
  reads({{"a", "running"}, {"b", "running"}});
  spawned("a", 1, 9);
  spawned("b", 1, 9);
  EXPECT_EQ(places(), (Places{{"a", 1}, {"b", 2}}));
}

TEST_F(CommitWatchTest, AStretchReachesOverAllThatIsWithinIt) {
  looks({});
  reads({{"a", "starting"}});
  reads({{"a", "starting"}, {"b", "running"}});
  reads({{"a", "starting"}, {"b", "running"}, {"c", "running"}});
  reads({{"a", "running"}, {"b", "running"}, {"c", "running"}});
  for (const char* agent : {"a", "b", "c"}) spawned(agent, 1, 9);
  EXPECT_EQ(places(), Places{});
}

// What makes it show in lists may be another file, written before or after.
TEST_F(CommitWatchTest, DoesNotPlaceSpawnsWhoseOwnActsMeet) {
  for (const bool ahead : {true, false}) {
    watch_ = {};
    run_ = {};
    looks({});
    if (ahead) acts("a");
    looks({});
    acts("b");
    looks({{"b", "running"}});
    acts("a");
    looks({{"a", "running"}, {"b", "running"}});
    spawned("a", 1, 9);
    spawned("b", 1, 9);
    if (!ahead) acts("b");  // in its last step
    EXPECT_EQ(places(), Places{}) << ahead;
  }
}

TEST_F(CommitWatchTest, PlacesSpawnsWhoseOwnActsDoNotMeet) {
  looks({});
  acts("a");
  acts("a");
  looks({{"a", "running"}});
  acts("a");
  looks({{"a", "running"}});
  acts("b");
  looks({{"a", "running"}, {"b", "running"}});
  spawned("b", 1, 9);
  spawned("a", 1, 9);
  reads({{"a", "running"}, {"b", "running"}});
  acts("a");  // the agent's own doing
  EXPECT_EQ(places(), (Places{{"a", 1}, {"b", 2}}));
}

TEST_F(CommitWatchTest, WhatARecordBecomesLaterIsNotItsSpawns) {
  prepared("p");
  looks({{"p", "running"}});
  reads({{"p", "running"}, {"a", "running"}});
  spawned("a", 1, 2);
  reads({{"p", "blocked"}, {"a", "running"}, {"b", "running"}});
  reads({{"p", "blocked"}, {"a", "blocked"}, {"b", "running"}});
  spawned("b", 3, 9);
  EXPECT_EQ(places(), (Places{{"p", 1}, {"a", 2}, {"b", 3}}));
}

TEST_F(CommitWatchTest, WhatGoesAndComesBackTookEffectPerhapsThen) {
  looks({});
  reads({{"a", "running"}});
  reads({});
  reads({{"b", "running"}});
  reads({{"a", "running"}, {"b", "running"}});
  spawned("a", 1, 9);
  spawned("b", 1, 9);
  EXPECT_EQ(places(), Places{});
}

TEST_F(CommitWatchTest, LooksAtNothingSayNothing) {
  Observation absent;
  absent.absent = true;
  watch_.saw(absent);
  reads({{"a", "running"}});
  watch_.saw({.error = "half of it"});
  watch_.saw({.not_looked = true});
  reads({{"a", "running"}, {"b", "running"}});
  spawned("a", 1, 9);
  spawned("b", 1, 9);
  EXPECT_EQ(places(), (Places{{"a", 1}, {"b", 2}}));
}

TEST_F(CommitWatchTest, DoesNotPlaceWhatNobodySawCome) {
  prepared("lost");
  looks({{"past", "completed"}});
  reads({{"past", "completed"}, {"lost", "running"}, {"killed", "running"}, {"a", "running"}});
  spawned("past", 1, 9);
  spawned("never", 1, 9);
  spawned("a", 1, 9);
  run_.spawn_crashed(1);  // of the agent that it left there
  EXPECT_EQ(places(), (Places{{"a", 1}}));
}

TEST_F(CommitWatchTest, OfTwoThatWereAnsweredWithOneAgentTheFirstHasThePlace) {
  looks({});
  reads({{"a", "running"}});
  spawned("a", 1, 9);
  spawned("a", 1, 5);
  watch_.number(run_.raw());
  EXPECT_EQ(run_.raw().operations[0].committed, std::nullopt);
  EXPECT_EQ(run_.raw().operations[1].committed, 1u);
}

// The flaw: it answers, and then it writes. Nobody made a list.
TEST_F(CommitWatchTest, AnAnswerAheadOfItsCommitIsFound) {
  looks({});
  spawned("a", 1, 2);
  reads({{"b", "running"}});
  spawned("b", 3, 5);
  reads({{"a", "running"}, {"b", "running"}});
  EXPECT_THAT(judged(), FailsOnce("b", "was committed before"));
}

TEST_F(CommitWatchTest, AnAnswerBehindItsCommitIsNot) {
  looks({});
  reads({{"a", "running"}});
  spawned("a", 1, 4);
  reads({{"a", "running"}, {"b", "running"}});
  spawned("b", 3, 5);
  EXPECT_THAT(judged(), Passes());
}

// The flaw: a list looks at one half of the registry and then at the other.
TEST_F(CommitWatchTest, AListThatShowsTheLaterOfTwoAloneIsFound) {
  prepared("p");
  looks({{"p", "running"}});
  reads({{"p", "running"}, {"a", "running"}});
  reads({{"p", "running"}, {"a", "running"}, {"b", "running"}});
  spawned("a", 1, 9);
  spawned("b", 1, 9);
  run_.list(1, 9, {"p", "b"});
  EXPECT_THAT(judged(), FailsOnce("", "after no commit"));
}

TEST_F(CommitWatchTest, AListThatShowsTheEarlierOfTwoAloneIsNot) {
  prepared("p");
  looks({{"p", "running"}});
  reads({{"p", "running"}, {"a", "running"}});
  reads({{"p", "running"}, {"a", "running"}, {"b", "running"}});
  spawned("a", 1, 9);
  spawned("b", 1, 9);
  run_.list(1, 9, {"p", "a"});
  EXPECT_THAT(judged(), Passes());
}

TEST_F(CommitWatchTest, AListOfWhatRunsAccusesNobodyOfWhatStarted) {
  looks({});
  reads({{"a", "starting"}});
  reads({{"a", "starting"}, {"b", "starting"}});
  reads({{"a", "starting"}, {"b", "running"}});
  run_.list(1, 9, {"b"});
  reads({{"a", "running"}, {"b", "running"}});
  spawned("a", 1, 9);
  spawned("b", 1, 9);
  reads({{"a", "running"}, {"b", "running"}, {"c", "running"}});
  spawned("c", 1, 9);
  EXPECT_THAT(judged(), Passes());
}

}  // namespace
}  // namespace stress::testing
