// Goal: schedules of real programs repeat, a bounded search of them finds exactly what can happen,
// and nothing outlives them. Method: small programs of known outcomes, run for real.
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "harness/schedule/meetings.h"
#include "harness/schedule/search.h"
#include "tests/contract/schedule_fixture.h"

namespace stress {
namespace {

class ScheduledRuns : public ScheduleTest {
 protected:
  /// What the file "n" holds after each schedule with so many preemptions and deaths.
  std::multiset<std::string> search(const Programs& programs, int preemptions, int crashes,
                                    bool sessions_at_once = false) {
    Search search(preemptions, crashes);
    std::multiset<std::string> outcomes;
    while (const auto prefix = search.next()) {
      FollowPrefix strategy(*prefix);
      const Run made = run_anew(programs, strategy,
                                {.crashes_max = crashes, .sessions_at_once = sessions_at_once},
                                {{"n", "0"}, {"a", ""}});
      EXPECT_EQ(made.end, RunEnd::kDone);
      EXPECT_EQ(strategy.why_departed(), "");
      outcomes.insert(content("n"));
      search.explored(prefix->size(), made.moments, made.decisions, made.met);
    }
    return outcomes;
  }
  static std::set<std::string> different(const std::multiset<std::string>& outcomes) {
    return {outcomes.begin(), outcomes.end()};
  }
};

TEST_F(ScheduledRuns, ASearchFindsEachOutcomeOfTwoWritersWithoutALock) {
  const Programs programs = {{"A", {"increment:n"}}, {"B", {"increment:n"}}};
  EXPECT_EQ(different(search(programs, 0, 0)), (std::set<std::string>{"2"}));
  const auto found = search(programs, 1, 0);
  EXPECT_EQ(different(found), (std::set<std::string>{"1", "2"}));
  EXPECT_LE(found.size(), 12u);  // one after each step of the first, in both orders
}

TEST_F(ScheduledRuns, ASearchFindsNothingElseWhereALockIsHeld) {
  const Words locked = {"flock:lock", "increment:n", "unlock:lock"};
  EXPECT_EQ(different(search({{"A", locked}, {"B", locked}}, 1, 0)), (std::set<std::string>{"2"}));
}

TEST_F(ScheduledRuns, ASearchFindsWhatADeathLeaves) {
  // The file is empty between its opening and the write.
  EXPECT_EQ(different(search({{"A", {"increment:n"}}}, 0, 1)),
            (std::set<std::string>{"0", "", "1"}));
}

// As agents do that a spawn starts.
TEST_F(ScheduledRuns, WhatRunsInASessionOfItsOwnCanGoOnAtOnce) {
  const Programs programs = {
      {"A", {"fork", "own-session", "append:n:x", "append:n:y", "end", "wait", "append:n:a"}},
      {"B", {"append:n:b"}}};
  const auto found = search(programs, 1, 0);
  EXPECT_THAT(different(found), ::testing::Contains("0xbya"));
  const auto at_once = search(programs, 1, 0, true);
  EXPECT_EQ(different(at_once), (std::set<std::string>{"0bxya", "0xyba", "0xyab"}));
  EXPECT_LT(at_once.size(), found.size());
}

// What A has made goes on before B does, but for a preemption, whoever of A ran last.
TEST_F(ScheduledRuns, ADeathIsNoSwitchWhereOthersOfItsOperationCanGoOn) {
  Choosing strategy([](const Moment& moment) -> std::optional<Decision> {
    if (moment.step == 2) return Decision{Act::kCrash, "A"};
    return Decision{Act::kRun, "A"};
  });
  const Run made =
      run_anew({{"A", {"fork", "append:f:x", "end", "append:g:y", "wait"}}, {"B", {"append:f:z"}}},
               strategy, {.crashes_max = 1});
  ASSERT_GT(made.moments.size(), 3u);
  EXPECT_EQ(made.moments[3].turn, "A");
  EXPECT_EQ(by_default(made.moments[3]).who, "A.1");
}

// The main process has no pipe, but its child, which dies with it, has one in common with a process
// that would live on.
TEST_F(ScheduledRuns, ADeathIsHeardByWhoHasAPipeInCommonAndLivesOn) {
  for (const bool lives_on : {false, true}) {
    Words words = {"fork", "pipe", "fork",       "own-session", "append:f:x", "append:f:y",
                   "end",  "wait", "append:g:x", "end",         "append:h:x", "wait"};
    if (!lives_on) words.erase(words.begin() + 3);
    Choosing strategy([](const Moment&) { return Decision{Act::kRun, "A.1.1"}; });
    const Run made = run_anew({{"A", words}}, strategy, {.crashes_max = 1});
    bool heard = false;
    for (const Moment& moment : made.moments) {
      heard = heard || std::ranges::any_of(moment.mortals, &Mortal::is_heard);
    }
    EXPECT_EQ(heard, lives_on);
  }
}

// B has the lock that A's first child waits for; his death would let it go on before the second.
TEST_F(ScheduledRuns, WhatGoesOnAtOnceDoesSoWhileSomebodyIsHeldUp) {
  bool had = false;
  Choosing strategy([&had](const Moment& moment) -> std::optional<Decision> {
    had = had || std::ranges::any_of(moment.mortals, [](const Mortal& mortal) {
            return mortal.operation == "B" && !mortal.locks.empty();
          });
    return Decision{Act::kRun, had ? "A" : "B"};
  });
  const Run made = run_anew({{"A",
                              {"fork", "own-session", "flock:l", "end", "fork", "own-session",
                               "append:f:x", "end", "wait", "wait"}},
                             {"B", {"flock:l", "unlock:l"}}},
                            strategy, {.crashes_max = 1, .sessions_at_once = true});
  bool held_up = false;
  for (std::size_t i = 0; i < made.moments.size(); ++i) {
    const bool second = made.moments[i].forced && made.decisions[i].who == "A.2";
    held_up = held_up || (second && made.moments[i].held_up);
  }
  EXPECT_TRUE(held_up);
}

// A's descriptor keeps what its child has locked by it, once the child has ended: whether B finds
// it held depends on when A ends or closes it, though nobody holds the lock then.
TEST_F(ScheduledRuns, ASearchFindsWhoKeepsALockForAnother) {
  for (const bool closes : {false, true}) {
    Words words = {"open:x", "fork", "flock:x", "append:n: unkept", "end", "append:f:a"};
    if (closes) words.insert(words.end(), {"close:x", "append:f:b"});
    const auto found = different(search({{"A", words}, {"B", {"try:x:n"}}}, 2, 0));
    EXPECT_THAT(found, ::testing::Contains("0 unkept free"));
    EXPECT_THAT(found, ::testing::Contains("0 unkept held")) << (closes ? "close" : "end");
  }
}

// An end is no call, and is told to nobody but whoever asks.
TEST_F(ScheduledRuns, ASearchFindsWhatWhoAsksForALifeCanBeTold) {
  for (const std::string asks : {"probe:a:n", "look:a:n"}) {
    const Programs programs = {{"A", {"tell:a", "append:x:y"}}, {"B", {asks}}};
    EXPECT_EQ(different(search(programs, 0, 0)), (std::set<std::string>{"nobody told", "is gone"}));
    EXPECT_EQ(different(search(programs, 1, 0)),
              (std::set<std::string>{"nobody told", "is gone", "lives"}))
        << asks;
  }
}

// A stands before "n" while another file is moved there, which C writes to by another name: from
// then on the two calls are about one file.
TEST_F(ScheduledRuns, WhoStandsBeforeANameMeetsWhoWritesToWhatHasItByNow) {
  for (const bool moves : {true, false}) {
    const std::vector<std::string> order = {"A", "B", "B", "C", "C", "C"};
    Choosing strategy([&order](const Moment& moment) -> std::optional<Decision> {
      if (moment.step < order.size()) return Decision{Act::kRun, order[moment.step]};
      return Decision{Act::kCrash, "A"};
    });
    for (const char* name : {"n", "m"}) std::ofstream(folder_ / name) << name;
    std::filesystem::create_hard_link(folder_ / "m", folder_ / "l");
    const Run made = run({{"A", {"write:n:a"}},
                          {"B", {moves ? "move:m:n" : "move:m:elsewhere"}},
                          {"C", {"append:l:c"}}},
                         strategy, {.crashes_max = 1});
    ASSERT_THAT(made.trace, ::testing::SizeIs(order.size() + 1));
    const Moment& before_write = made.moments[order.size() - 1];
    const auto c = std::ranges::find(before_write.candidates, "C", &Candidate::task);
    ASSERT_NE(c, before_write.candidates.end());
    EXPECT_EQ(made.met.contains(meeting_id("C", c->key)), moves) << c->key;
    arena_->end();
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      std::filesystem::remove(entry);
    }
    arena_ = make_arena();
  }
}

// Each of them finds that the other has moved.
TEST_F(ScheduledRuns, TwoWhoAskInTurnsLetAThirdWorkWhoMakesAnEndOfIt) {
  for (const std::string waits : {"await:f", "nap-until:f"}) {
    std::string who = "B";
    Choosing in_turns([&who](const Moment& moment) -> std::optional<Decision> {
      if (!moment.last) who = who == "A" ? "B" : "A";
      return Decision{Act::kRun, who};
    });
    const Run made = run_anew({{"A", {waits}}, {"B", {waits}}, {"C", {"append:f:x"}}}, in_turns,
                              {.steps_max = 500});
    EXPECT_EQ(made.end, RunEnd::kDone) << waits;
  }
}

// Whom a sleeper has to let go on first depends on who has moved since: so the two orders lead to
// states of their own, which those of a call that waits for nothing do not.
TEST_F(ScheduledRuns, WhoSleptBeforeAnotherMovedIsNotWhereHeWouldBeHadHeSleptAfterwards) {
  const auto state_after = [this](const std::vector<std::string>& order, const char* call) {
    std::uint64_t state = 0;
    Choosing strategy([&](const Moment& moment) -> std::optional<Decision> {
      if (moment.step < order.size()) return Decision{Act::kRun, order[moment.step]};
      const auto c = std::ranges::find(moment.candidates, "C", &Candidate::task);
      if (moment.step == order.size() && c != moment.candidates.end()) state = c->state;
      return std::nullopt;
    });
    const Run made =
        run_anew({{"A", {call, "await:x"}}, {"B", {"move:m:n", "await:x"}}, {"C", {"move:y:z"}}},
                 strategy, {}, {{"m", ""}, {"x", ""}, {"y", ""}});
    EXPECT_EQ(made.end, RunEnd::kDone);
    EXPECT_NE(state, 0);
    return state;
  };
  const std::vector<std::string> before = {"A", "B", "C", "A", "B"};
  const std::vector<std::string> after = {"A", "B", "C", "B", "A"};
  EXPECT_NE(state_after(before, "nap"), state_after(after, "nap"));
  EXPECT_EQ(state_after(before, "await:x"), state_after(after, "await:x"));
}

// Between a child's steps it is its operation's turn: so whoever else of that waits is held up.
TEST_F(ScheduledRuns, WhoWaitsForALockWhileItsChildGoesOnIsHeldUp) {
  for (const bool waits : {true, false}) {
    Choosing strategy([](const Moment& moment) -> std::optional<Decision> {
      for (const auto& [who, until] : {std::pair("B", "rename"), std::pair("A", "lock")}) {
        const auto at = std::ranges::find(moment.candidates, who, &Candidate::task);
        if (at != moment.candidates.end() && !at->key.starts_with(until))
          return Decision{Act::kRun, who};
      }
      return Decision{Act::kRun, "A.1"};
    });
    const Run made = run_anew({{"A", {"fork", "move:m:n", "move:n:o", "end", "flock:f"}},
                               {"B", {waits ? "flock:f" : "flock:g", "move:p:q"}}},
                              strategy, {}, {{"m", ""}, {"p", ""}});
    EXPECT_EQ(made.end, RunEnd::kDone);
    const auto second =
        std::ranges::adjacent_find(made.decisions, [](const Decision& one, const Decision& next) {
          return one.who == next.who && one.who == "A.1";
        });
    ASSERT_NE(second, made.decisions.end());
    const auto between_at = static_cast<std::size_t>(second - made.decisions.begin()) + 1;
    const Moment& between = made.moments[between_at];
    EXPECT_EQ(std::ranges::count(between.candidates, "A", &Candidate::task), waits ? 0 : 1);
    EXPECT_EQ(between.held_up, waits);
  }
}

/// All there is of each moment, so that a difference can be read.
std::vector<std::string> in_words(const std::vector<Moment>& moments) {
  std::vector<std::string> all;
  all.reserve(moments.size());
  for (const Moment& moment : moments) {
    std::string& words = all.emplace_back(
        fmt::format("{}: turn {}, last {}, held up {}, forced {}, traceless {}, once dead {};",
                    moment.step, moment.turn, moment.last ? fmt::to_string(*moment.last) : "none",
                    moment.held_up, moment.forced, moment.traceless, moment.traceless_once_dead));
    for (const Candidate& one : moment.candidates) {
      words += fmt::format(" {} ({}) {}, state {:x}, yields {}, lock {}, asks after {};", one.task,
                           one.turn, one.key, one.state, one.yields, one.lock, one.asks_after);
    }
  }
  return all;
}

TEST_F(ScheduledRuns, TheSameSeedMakesTheSameRunEachTime) {
  const Programs programs = {
      {"A",
       {"pipe", "fork", "append:f:child", "random:r", "say", "end", "hear", "append:f:a", "wait",
        "sleep", "flock:lock", "increment:n", "unlock:lock"}},
      {"B",
       {"thread", "append:f:t2", "end", "thread", "append:f:t3", "end", "join", "fcntl:lock",
        "increment:n", "unlock:lock"}},
      {"C",
       {"await:f", "sleep", "increment:n", "fork", "append:f:c", "end", "fork", "read:n", "end",
        "wait"}}};
  std::set<std::vector<std::string>> traces;
  std::set<std::string> contents;
  Run first;
  for (int i = 0; i < 20; ++i) {
    RandomWalk walk(5, 0);
    const Run made = run_anew(programs, walk, {}, {{"n", "0"}});
    ASSERT_EQ(made.end, RunEnd::kDone);
    traces.insert(made.trace);
    contents.insert(content("f") + content("r") + content("n"));
    if (i == 0) first = made;
    EXPECT_THAT(in_words(made.moments), ::testing::ElementsAreArray(in_words(first.moments)));
  }
  EXPECT_EQ(traces.size(), 1u);
  EXPECT_EQ(contents.size(), 1u);
  Replay replay(first.decisions, first.trace);
  EXPECT_EQ(run_anew(programs, replay, {}, {{"n", "0"}}).trace, first.trace);
  EXPECT_EQ(replay.why_departed(), "");
  RandomWalk other(6, 0);
  EXPECT_NE(run_anew(programs, other, {}, {{"n", "0"}}).trace, first.trace);
}

/// A server of the arena, and this process as its client.
class ScheduledServer : public ScheduleTest {
 protected:
  void SetUp() override {
    ScheduleTest::SetUp();
    if (IsSkipped()) return;
    launch("server", {"serve:socket"}, Arena::Role::kServer);
    arena_->free_all();
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!answers() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    arena_->settle_servers();
  }
  /// While all calls are let through.
  [[nodiscard]] bool answers() const {
    const base::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, (folder_ / "socket").c_str(), sizeof address.sun_path - 1);
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return false;
    char answer = 0;
    return write(fd.get(), "?", 1) == 1 && read(fd.get(), &answer, 1) == 1;
  }
};

TEST_F(ScheduledServer, IsStillWhereItWaitsAndServesWhomeverIsChosen) {
  std::set<std::string> orders;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    std::filesystem::remove(folder_ / "served");
    RandomWalk walk(seed, 0);
    const Run made = run({{"A", {"call:socket:a"}}, {"B", {"call:socket:b"}}}, walk);
    EXPECT_EQ(made.end, RunEnd::kDone);
    std::string order;  // of the connections
    for (const std::string& line : made.trace) {
      if (line == "A: connect to socket") order += "a";
      if (line == "B: connect to socket") order += "b";
    }
    EXPECT_EQ(content("served"), order);
    orders.insert(order);
    arena_->free_all();
    arena_->end_programs();
  }
  EXPECT_EQ(orders, (std::set<std::string>{"ab", "ba"}));
}

TEST_F(ScheduledServer, LivesOnWhenTheProgramsAreEndedInTheirMiddle) {
  for (int i = 0; i < 3; ++i) {
    FollowPrefix by_default({});
    const Run made = run({{"A",
                           {"fork", "append:f:x", "pause", "end", "thread", "pause", "end",
                            "call:socket:a", "append:f:y", "increment:f"}},
                          {"B", {"append:f:z", "append:f:z"}}},
                         by_default, {.steps_max = 6});
    EXPECT_EQ(made.end, RunEnd::kTooLong);
    arena_->free_all();
    arena_->end_programs();
    EXPECT_TRUE(answers());
    EXPECT_EQ(group_->members().size(), 1u);
  }
  arena_->end();
  expect_nobody_is_left();
}

TEST_F(ScheduledRuns, NothingIsLeftWhereARunIsGivenUp) {
  for (const std::uint64_t steps : {0u, 1u, 2u, 3u, 5u}) {
    FollowPrefix by_default({});
    (void)run({{"A", {"fork", "fork", "pause", "end", "append:f:x", "pause", "end", "append:f:y"}},
               {"B", {"thread", "append:f:x", "end", "pause"}}},
              by_default, {.steps_max = steps});
    arena_ = make_arena();  // the one that is in the middle of it goes
    expect_nobody_is_left();
  }
}

TEST_F(ScheduledRuns, NoDescriptorIsLeftOpen) {
  const auto open_ones = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const Programs programs = {{"A", {"flock:lock", "fork", "append:f:x", "end", "wait"}},
                             {"B", {"fcntl:lock", "sleep", "increment:f"}}};
  (void)run_by_default(programs);
  const auto before = open_ones();
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    RandomWalk walk(seed, 5);
    (void)run_anew(programs, walk, {.crashes_max = 2});
  }
  EXPECT_EQ(open_ones(), before);
}

}  // namespace
}  // namespace stress
