// Goal: what a scheduler is told of a lock is what the kernel would do, and what it grants is held.
// Method: a program asks for locks on a file and is stopped at each call; another process, or an
// open file description of the test's own, holds some meanwhile.
#include "harness/supervise/lock_probe.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <gmock/gmock.h>

#include "tests/support/child_process.h"
#include "tests/unit/listener_fixture.h"

namespace stress {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Words = std::vector<std::string>;

/// "free", "held", "held by other" (the holder's process), "held by itself", "unknown".
std::string in_words(const LockState& state, const Op& op, pid_t other) {
  if (state.answer == LockAnswer::kFree) return "free";
  if (state.answer == LockAnswer::kUnknown) return "unknown";
  if (state.holder == 0) return "held";
  return state.holder == other    ? "held by other"
         : state.holder == op.pid ? "held by itself"
                                  : "held by a stranger";
}

struct flock range(short type, off_t start, off_t length) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_start = start;
  lock.l_len = length;
  return lock;
}

class LockProbe : public ListenerTest {
 protected:
  void SetUp() override {
    ListenerTest::SetUp();
    file_ = in_folder("lock");
    fd_.reset(open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_EQ(ftruncate(fd_.get(), 1000), 0);
  }
  /// What the probe says to each request. Those that are free run; the others fail with EAGAIN.
  Words probe(Words calls, pid_t other = 0) {
    calls.insert(calls.begin(), {helper(), file_});
    Words said;
    run(calls, kPointSet, [&](const Stopped& stopped) {
      if (!is_lock_request(stopped.op)) return stopped.go_on();
      const LockState state = probe_lock(stopped.op);
      EXPECT_TRUE(stopped.still_there());
      said.push_back(in_words(state, stopped.op, other));
      if (state.answer == LockAnswer::kHeld) {
        EXPECT_TRUE(stopped.respond(EAGAIN, 0));
      } else {
        stopped.go_on();
      }
    });
    return said;
  }
  /// A process that holds a POSIX lock until it is destroyed.
  tests::ChildProcess holder(const struct flock& lock) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    tests::ChildProcess child([&] {
      const int file = open(file_.c_str(), O_RDWR | O_CLOEXEC);
      if (fcntl(file, F_SETLK, &lock) != 0 || write(ends[1], "x", 1) != 1) return 1;
      pause();
      return 0;
    });
    close(ends[1]);
    char byte = 0;
    EXPECT_EQ(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    return child;
  }
  bool can_lock(int operation) {
    if (flock(fd_.get(), operation | LOCK_NB) != 0) return false;
    flock(fd_.get(), LOCK_UN);
    return true;
  }
  static std::string helper() {
    return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "lock_calls_helper";
  }

  std::string file_;
  base::UniqueFd fd_;
};

TEST_F(LockProbe, RequestsAreToldFromUnlocksAndThoseThatWaitFromThoseThatDoNot) {
  Words said;
  run({helper(), file_, "flock:sh", "flock:ex-nb", "flock:un", "posix:w:set:0:0",
       "try-posix:r:set:0:0", "posix:u:set:0:0", "ofd:w:set:0:0", "try-ofd:r:set:0:0",
       "ofd:u:set:0:0"},
      kPointSet, [&](const Stopped& stopped) {
        if (stopped.op.path == file_) {
          said.push_back(is_unlock(stopped.op)         ? "unlock"
                         : waits_for_lock(stopped.op)  ? "waits"
                         : is_lock_request(stopped.op) ? "tries"
                                                       : "else");
        }
        stopped.go_on();
      });
  EXPECT_THAT(said, ElementsAre("else", "waits", "tries", "unlock", "waits", "tries", "unlock",
                                "waits", "tries", "unlock"));
}

TEST_F(LockProbe, AFlockIsHeldAgainstWhatConflictsWithIt) {
  EXPECT_THAT(probe({"flock:sh", "flock:un", "flock:ex"}), ElementsAre("free", "free"));
  ASSERT_EQ(flock(fd_.get(), LOCK_SH), 0);
  EXPECT_THAT(probe({"flock:sh", "flock:un", "flock:ex"}), ElementsAre("free", "held"));
  ASSERT_EQ(flock(fd_.get(), LOCK_EX), 0);
  EXPECT_THAT(probe({"flock:sh", "flock:un", "flock:ex"}), ElementsAre("held", "held"));
}

TEST_F(LockProbe, AConversionIsFreeWhereNobodyElseShares) {
  EXPECT_THAT(probe({"flock:sh", "flock:ex", "flock:ex", "flock:sh"}),
              ElementsAre("free", "free", "free", "free"));
  ASSERT_EQ(flock(fd_.get(), LOCK_SH), 0);
  EXPECT_THAT(probe({"flock:sh", "flock:ex", "flock:sh"}), ElementsAre("free", "held", "free"));
}

TEST_F(LockProbe, TheSameFileOpenedAnewIsAnotherHolder) {
  EXPECT_THAT(probe({"flock:ex", "anew", "flock:ex"}), ElementsAre("free", "held"));
}

TEST_F(LockProbe, ProbingTakesNothing) {
  run({helper(), file_, "flock:ex", "ofd:w:set:0:0"}, kPointSet, [&](const Stopped& stopped) {
    if (is_lock_request(stopped.op)) {
      EXPECT_EQ(probe_lock(stopped.op).answer, LockAnswer::kFree);
      struct flock all = range(F_WRLCK, 0, 0);
      EXPECT_EQ(fcntl(fd_.get(), F_OFD_GETLK, &all), 0);
      EXPECT_EQ(all.l_type, F_UNLCK);
      EXPECT_TRUE(can_lock(LOCK_EX));
      EXPECT_TRUE(stopped.return_value(0));
    } else {
      stopped.go_on();
    }
  });
}

TEST_F(LockProbe, WhatIsTakenForATaskIsHeldByItUntilItLetsGo) {
  for (const bool granted : {true, false}) {  // without being taken it is not held
    bool taken = false;
    run({helper(), file_, "flock:ex", "flock:un", "ofd:w:cur:0:10", "ofd:u:set:0:0"}, kPointSet,
        [&](const Stopped& stopped) {
          struct flock found = range(F_RDLCK, 105, 1);
          if (is_lock_request(stopped.op)) {
            taken = !granted || take_lock(stopped.op);
            EXPECT_TRUE(taken);
            EXPECT_TRUE(stopped.return_value(0));
          } else if (is_unlock(stopped.op) && stopped.op.name == "flock") {
            EXPECT_EQ(can_lock(LOCK_SH), !granted);
            stopped.go_on();
          } else {
            if (is_unlock(stopped.op)) {
              EXPECT_EQ(fcntl(fd_.get(), F_OFD_GETLK, &found), 0);
              EXPECT_EQ(found.l_type, granted ? F_WRLCK : F_UNLCK);
            }
            stopped.go_on();
          }
        });
    EXPECT_TRUE(taken);
    EXPECT_TRUE(can_lock(LOCK_EX));
  }
}

TEST_F(LockProbe, WhatIsHeldOrBelongsToAProcessIsNotTaken) {
  ASSERT_EQ(flock(fd_.get(), LOCK_SH), 0);
  struct flock lock = range(F_RDLCK, 0, 0);
  ASSERT_EQ(fcntl(fd_.get(), F_OFD_SETLK, &lock), 0);
  int requests = 0;
  run({helper(), file_, "flock:ex", "ofd:w:set:0:0", "posix:r:set:0:0"}, kPointSet,
      [&](const Stopped& stopped) {
        if (is_lock_request(stopped.op)) {
          ++requests;
          EXPECT_FALSE(take_lock(stopped.op)) << describe(stopped.op);
          EXPECT_TRUE(stopped.return_value(0));
        } else {
          stopped.go_on();
        }
      });
  EXPECT_EQ(requests, 3);
}

// Two that share and both want more would else wait for each other, which the kernel's do not.
TEST_F(LockProbe, AConversionThatBeginsToWaitLosesWhatItHad) {
  ASSERT_EQ(flock(fd_.get(), LOCK_SH), 0);
  Words said;
  run({helper(), file_, "flock:sh", "flock:ex", "flock:ex"}, kPointSet,
      [&](const Stopped& stopped) {
        if (!is_lock_request(stopped.op)) return stopped.go_on();
        const LockAnswer answer = probe_lock(stopped.op).answer;
        if (answer == LockAnswer::kFree) {
          said.emplace_back("free");
          return stopped.go_on();
        }
        said.emplace_back(begin_waiting(stopped.op) ? "had one" : "had none");
        EXPECT_TRUE(stopped.return_value(0));
      });
  EXPECT_THAT(said, ElementsAre("free", "had one", "had none"));
}

TEST_F(LockProbe, APosixLockIsHeldInItsRangeAndNamesItsHolder) {
  const tests::ChildProcess writer = holder(range(F_WRLCK, 10, 10));
  EXPECT_THAT(probe({"posix:w:set:0:10", "posix:w:set:20:0", "posix:w:set:0:11", "posix:r:set:19:1",
                     "try-posix:r:set:0:0", "posix:w:cur:-90:1", "posix:w:cur:-80:1",
                     "posix:w:end:-980:-1", "posix:w:end:-980:5", "ofd:r:set:15:1"},
                    writer.pid()),
              ElementsAre("free", "free", "held by other", "held by other", "held by other",
                          "held by other", "free", "held by other", "free", "held by other"));
}

TEST_F(LockProbe, ReadersShareAPosixLock) {
  const tests::ChildProcess reader = holder(range(F_RDLCK, 0, 0));
  EXPECT_THAT(probe({"posix:r:set:0:5", "posix:w:set:0:5"}, reader.pid()),
              ElementsAre("free", "held by other"));
}

TEST_F(LockProbe, PosixLocksOfTheSameProcessDoNotCountButThoseBehindThemDo) {
  EXPECT_THAT(probe({"posix:w:set:0:10", "posix:r:set:5:10", "anew", "posix:w:set:0:0"}),
              ElementsAre("free", "free", "free"));
  const tests::ChildProcess reader = holder(range(F_RDLCK, 0, 10));
  EXPECT_THAT(probe({"posix:r:set:0:20", "posix:w:set:0:10", "posix:w:set:10:10"}, reader.pid()),
              ElementsAre("free", "held by other", "free"));
}

TEST_F(LockProbe, AnOfdLockBelongsToItsDescription) {
  EXPECT_THAT(
      probe({"ofd:w:set:0:10", "ofd:w:set:5:20", "posix:r:set:9:1", "anew", "ofd:r:set:9:1"}),
      ElementsAre("free", "free", "held", "held"));
  EXPECT_THAT(probe({"posix:w:set:0:10", "ofd:r:set:0:1"}), ElementsAre("free", "held by itself"));
  struct flock lock = range(F_RDLCK, 0, 0);
  ASSERT_EQ(fcntl(fd_.get(), F_OFD_SETLK, &lock), 0);
  EXPECT_THAT(probe({"ofd:r:set:0:10", "ofd:w:set:0:10", "posix:r:set:0:0", "posix:w:set:0:10"}),
              ElementsAre("free", "held", "free", "held"));
}

TEST_F(LockProbe, ARequestThatFailsAtOnceIsLeftToTheKernel) {
  const tests::ChildProcess writer = holder(range(F_WRLCK, 0, 0));
  EXPECT_THAT(probe({"read-only", "posix:w:set:0:10", "posix:r:set:0:10", "posix:r:set:-5:1"},
                    writer.pid()),
              ElementsAre("unknown", "held by other", "unknown"));
}

TEST_F(LockProbe, AKeyNamesTheFileHoweverItIsOpened) {
  std::vector<LockKey> keys;
  run({helper(), file_, "flock:sh", "anew", "flock:sh", "flock:un"}, kPointSet,
      [&](const Stopped& stopped) {
        if (stopped.op.name == "flock") keys.push_back(lock_key(stopped.op));
        stopped.go_on();
      });
  struct stat about{};
  ASSERT_EQ(stat(file_.c_str(), &about), 0);
  const LockKey key{about.st_dev, about.st_ino};
  EXPECT_THAT(keys, ElementsAre(key, key, key));
  EXPECT_NE(key, LockKey{});
}

TEST_F(LockProbe, ALockIsHadByAllWhoHaveItsOpenFile) {
  struct stat about{};
  ASSERT_EQ(stat(file_.c_str(), &about), 0);
  const LockKey key{about.st_dev, about.st_ino};
  const tests::ChildProcess heir([] { return pause(); });  // with fd_, which holds nothing yet
  EXPECT_THAT(files_locked_by(heir.pid(), {key.ino}), IsEmpty());
  ASSERT_EQ(flock(fd_.get(), LOCK_EX), 0);
  EXPECT_THAT(files_locked_by(heir.pid(), {key.ino}), ElementsAre(key));
  EXPECT_THAT(files_locked_by(heir.pid(), {key.ino + 1}), IsEmpty());
  EXPECT_THAT(files_locked_by(getpid(), {key.ino}), ElementsAre(key));
  fd_.reset();
  EXPECT_THAT(files_locked_by(heir.pid(), {key.ino}), ElementsAre(key));
  EXPECT_THAT(files_locked_by(getpid(), {key.ino}), IsEmpty());
}

TEST_F(LockProbe, ALockOfAProcessIsItsOwn) {
  struct stat about{};
  ASSERT_EQ(stat(file_.c_str(), &about), 0);
  const struct flock posix = range(F_WRLCK, 0, 10);
  const tests::ChildProcess owner = holder(posix);
  EXPECT_THAT(files_locked_by(owner.pid(), {about.st_ino}),
              ElementsAre(LockKey{about.st_dev, about.st_ino}));
  EXPECT_THAT(files_locked_by(getpid(), {about.st_ino}), IsEmpty());
}

TEST_F(LockProbe, OfATaskThatIsGoneNothingIsKnown) {
  std::vector<Op> requests;
  run({helper(), file_, "flock:ex", "ofd:w:set:0:9", "posix:w:set:9:0"}, kPointSet,
      [&](const Stopped& stopped) {
        if (is_lock_request(stopped.op)) requests.push_back(stopped.op);
        stopped.go_on();
      });
  ASSERT_EQ(requests.size(), 3u);
  for (const Op& op : requests) {
    EXPECT_EQ(probe_lock(op).answer, LockAnswer::kUnknown) << describe(op);
    EXPECT_FALSE(take_lock(op));
    EXPECT_FALSE(begin_waiting(op));
    EXPECT_EQ(lock_key(op), LockKey{});
  }
}

}  // namespace
}  // namespace stress
