#include "orchestrator/session/tmux_quoting.h"

#include <gtest/gtest.h>

#include "orchestrator/session/tmux_client.h"
#include "orchestrator/session/tmux_listing.h"

namespace orc {
namespace {

TEST(TmuxQuoting, OnlyATrailingSemicolonOfAnArgumentIsEscaped) {
  EXPECT_EQ(tmux_argument("a;b"), "a;b");
  EXPECT_EQ(tmux_argument(";"), "\\;");
  EXPECT_EQ(tmux_argument("a\\;"), "a\\\\;");
  EXPECT_EQ(tmux_argument(""), "");
}

TEST(TmuxQuoting, FormatsLoseTheirMeaning) {
  EXPECT_EQ(tmux_format("#(touch x) #{pid} ## %H"), "##(touch x) ##{pid} #### %%H");
  EXPECT_EQ(tmux_format("#[style] ##["), "#[style] ##[");
}

TEST(TmuxQuoting, ShellWordsStandBetweenSingleQuotes) {
  EXPECT_EQ(shell_word("it's $HOME"), "'it'\\''s $HOME'");
  EXPECT_EQ(shell_word(""), "''");
}

TEST(TmuxVerdicts, AreReadFromExactTexts) {
  EXPECT_EQ(classify_tmux(0, "whatever"), TmuxVerdict::kOk);
  EXPECT_EQ(classify_tmux(1, "no server running on /tmp/x"), TmuxVerdict::kNoServer);
  EXPECT_EQ(classify_tmux(1, "error connecting to /tmp/x (No such file or directory)"),
            TmuxVerdict::kNoServer);
  EXPECT_EQ(classify_tmux(1, "error connecting to /tmp/x (Permission denied)"),
            TmuxVerdict::kOther);
  EXPECT_EQ(classify_tmux(1, "server exited unexpectedly"), TmuxVerdict::kServerExited);
  EXPECT_EQ(classify_tmux(1, "duplicate session: a"), TmuxVerdict::kDuplicate);
  EXPECT_EQ(classify_tmux(1, "can't find session: a"), TmuxVerdict::kNoSuchSession);
  EXPECT_EQ(classify_tmux(1, "something new"), TmuxVerdict::kOther);
  EXPECT_EQ(classify_tmux(-1, ""), TmuxVerdict::kOther);
}

TEST(TmuxListing, WhatIsNoListingIsNotTakenForAnEmptyOne) {
  for (const char* text : {"", "\n", "nonsense\n", "server:\n", "server:x\n"}) {
    EXPECT_FALSE(parse_listing(text)) << text;
  }
  const auto self = std::to_string(base::self_identity().pid);
  EXPECT_TRUE(parse_listing("server:" + self + "\n"));
  EXPECT_FALSE(parse_listing("server:" + self + "\nnonsense\n"));
  EXPECT_FALSE(parse_listing("server:" + self + "\n1:$1:%1:1:::a\n")) << "another server's line";
}

TEST(TmuxListing, ReadsMarksAndLeavesOutAProcessThatIsGone) {
  const auto self = std::to_string(base::self_identity().pid);
  const auto listing =
      parse_listing("server:" + self + "\n" + self + ":$3:%7:2147483646:ws:try:a\n");
  ASSERT_TRUE(listing) << listing.error().message;
  ASSERT_EQ(listing->sessions.size(), 1U);
  const Session& session = listing->sessions[0];
  EXPECT_EQ(session.identity.session_id, "$3");
  EXPECT_EQ(session.identity.name, "a");
  EXPECT_EQ(session.workspace, "ws");
  EXPECT_EQ(session.attempt, "try");
  EXPECT_FALSE(session.identity.process);
}

}  // namespace
}  // namespace orc
