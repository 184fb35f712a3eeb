#include "harness/fault/fault_spec.h"

#include <cerrno>
#include <chrono>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace stress {
namespace {

using std::chrono::milliseconds;

TEST(FaultSpec, ReadsEachPartOfTheGrammar) {
  const auto spec = parse_fault("write@*/registry.json:errno=ENOSPC:when=2..9+3:p=0.25");
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->place, FaultPlace::kWrite);
  EXPECT_EQ(spec->glob, "*/registry.json");
  EXPECT_EQ(spec->action, FaultAction::kError);
  EXPECT_EQ(spec->error_number, ENOSPC);
  EXPECT_EQ(spec->window, (FaultWindow{2, 9, 3}));
  EXPECT_EQ(spec->rate, 0.25);
  EXPECT_EQ(parse_fault("write:short=1000")->bytes, 1000u);
  EXPECT_EQ(parse_fault("fsync:delay=50ms")->duration, milliseconds(50));
  EXPECT_EQ(parse_fault("flock:pause=2s")->duration, milliseconds(2000));
  EXPECT_EQ(parse_fault("exec@tmux:kill")->action, FaultAction::kKill);
}

TEST(FaultSpec, IsPrintedAsItIsWritten) {
  for (const char* text :
       {"write@*/registry.json:errno=ENOSPC:when=2..9+3:p=0.25", "fsync:errno=EIO:when=3",
        "rename:kill", "write:kill-mid:when=5..", "spawn:kill:when=2+3", "open:errno=EMFILE:p=1",
        "unlink@backups/*:pause=1500ms", "exec@tmux *list-*:exit=1:p=0.5",
        "unlock@*.lock:unlink:when=3", "connect:delay=10s", "send:errno=EAGAIN:when=4..4+2"}) {
    const auto spec = parse_fault(text);
    ASSERT_TRUE(spec) << spec.error().message;
    EXPECT_EQ(to_string(*spec), text);
  }
}

TEST(FaultSpec, AMistakeIsSaidWithItsPlaceAndWhatWouldBeRight) {
  const std::pair<const char*, const char*> cases[] = {
      {"write@x:kil",
       "'write@x:kil': at character 9: 'kil' is no action; actions are kill, kill-mid, short=N, "
       "errno=NAME, exit=N, unlink, delay=50ms, pause=50ms"},
      {"",
       "'': at character 1: '' is no operation; operations are open, write, fsync, rename, "
       "link, unlink, mkdir, truncate, chmod, flock, unlock, exec, connect, send, spawn"},
      {"fsync",
       "'fsync': at character 6: no action; add one as in 'fsync:kill'; actions are kill, "
       "kill-mid, short=N, errno=NAME, exit=N, unlink, delay=50ms, pause=50ms"},
      {"write@:kill",
       "'write@:kill': at character 7: no path after '@'; as in write@*/registry.json"},
      {"spawn@x:kill", "'spawn@x:kill': at character 6: spawn takes no path; write 'spawn' alone"},
      {"fsync:kill=1", "'fsync:kill=1': at character 11: kill takes no value"},
      {"fsync:short=8",
       "'fsync:short=8': at character 7: only a write can be cut; short goes with write"},
      {"write:short=0",
       "'write:short=0': at character 13: short= takes a number of bytes, at least 1, not '0'"},
      {"connect:exit=1",
       "'connect:exit=1': at character 9: only a program can exit; exit goes with exec"},
      {"exec:exit=256",
       "'exec:exit=256': at character 11: exit= takes an exit code, 0 to 255, not '256'"},
      {"rename:unlink",
       "'rename:unlink': at character 8: only a call on one file can lose it; unlink goes with "
       "open, write, fsync, truncate, chmod, flock, unlock"},
      {"flock:unlink=1", "'flock:unlink=1': at character 13: unlink takes no value"},
      {"write:errno=ENOPE",
       "'write:errno=ENOPE': at character 13: 'ENOPE' is no errno; as in ENOSPC, EIO, EINTR, "
       "EDQUOT, EMFILE, ENFILE, ENOMEM, EACCES, EROFS"},
      {"fsync:delay=50", "'fsync:delay=50': at character 15: '' is no unit; units are ms and s"},
      {"fsync:delay=11s",
       "'fsync:delay=11s': at character 13: must lie between 1ms and 10s, not 11s"},
      {"fsync:kill:when=0",
       "'fsync:kill:when=0': at character 17: matching calls are counted "
       "from 1"},
      {"fsync:kill:when=5..2",
       "'fsync:kill:when=5..2': at character 20: LAST (2) must not be "
       "below FIRST (5)"},
      {"fsync:kill:when=2-3",
       "'fsync:kill:when=2-3': at character 18: '-3' is out of place; "
       "when= takes 3, 2..5, 5.. or 2+3"},
      {"fsync:kill:when=2+0", "'fsync:kill:when=2+0': at character 19: STEP must be at least 1"},
      {"fsync:kill:p=1.5",
       "'fsync:kill:p=1.5': at character 14: p= takes a rate above 0 and up to 1, not '1.5'"},
      {"fsync:kill:p=0.5:p=0.5",
       "'fsync:kill:p=0.5:p=0.5': at character 18: 'p=0.5' is out of place; after the action come "
       "when=FIRST[..LAST][+STEP] and p=RATE, once each"},
  };
  for (const auto& [text, sentence] : cases) {
    const auto spec = parse_fault(text);
    ASSERT_FALSE(spec) << text;
    EXPECT_EQ(spec.error().message, sentence);
  }
}

TEST(FaultSpec, APatternIsHeldAgainstThePathAndItsTails) {
  EXPECT_TRUE(path_matches("*/registry.json", "/w/registry.json"));
  EXPECT_TRUE(path_matches("registry.json.tmp*", "/w/registry.json.tmp-1"));
  EXPECT_TRUE(path_matches("backups/*", "/w/backups/b.json"));
  EXPECT_TRUE(path_matches("/w/*", "/w/backups/b.json"));
  EXPECT_FALSE(path_matches("/backups/*", "/w/backups/b.json"));
  EXPECT_FALSE(path_matches("gistry.json", "/w/registry.json"));
}

TEST(FaultSpec, ARenameIsFoundByEitherName) {
  Op op;
  op.sys = Sys::kRename;
  op.path = "/w/registry.json.tmp-1";
  op.path2 = "/w/registry.json";
  EXPECT_TRUE(names(*parse_fault("rename@*/registry.json:kill"), op));
  EXPECT_TRUE(names(*parse_fault("rename@*.tmp-1:kill"), op));
  EXPECT_FALSE(names(*parse_fault("rename@other:kill"), op));
  EXPECT_FALSE(names(*parse_fault("unlink:kill"), op));
}

TEST(FaultSpec, AnExecIsFoundByItsArgumentsWhereThePatternHasASpace) {
  Op op;
  op.sys = Sys::kExec;
  op.path = "/usr/bin/tmux";
  op.argv = "list-panes -F #{pane_id}/x";
  EXPECT_TRUE(names(*parse_fault("exec@tmux list-*:kill"), op));
  EXPECT_TRUE(names(*parse_fault("exec@/usr/bin/tmux *-F*:kill"), op));
  EXPECT_TRUE(names(*parse_fault("exec@tmux:kill"), op));
  EXPECT_FALSE(names(*parse_fault("exec@/tmux list-*:kill"), op));
  EXPECT_FALSE(names(*parse_fault("exec@tmux new-*:kill"), op));
  EXPECT_FALSE(names(*parse_fault("exec@x *:kill"), op)) << "a tail of the arguments is no program";
  op.argv.clear();
  EXPECT_TRUE(names(*parse_fault("exec@tmux *:kill"), op));
}

TEST(FaultWindow, CountsFromOneInSteps) {
  const auto hits = [](const FaultWindow& window) {
    std::string counts;
    for (std::uint64_t count = 1; count <= 9; ++count) {
      if (window.contains(count)) counts += std::to_string(count);
    }
    return counts;
  };
  EXPECT_EQ(hits({3, 3, 1}), "3");
  EXPECT_EQ(hits({2, 5, 1}), "2345");
  EXPECT_EQ(hits({2, std::nullopt, 3}), "258");
  EXPECT_EQ(hits({2, 6, 3}), "25");
  EXPECT_EQ(hits({5, std::nullopt, 1}), "56789");
}

}  // namespace
}  // namespace stress
