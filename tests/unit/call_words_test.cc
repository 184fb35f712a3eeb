// Goal: calls are told in words that anybody understands, and by keys that are the same in each
// repetition. Method: made-up calls.
#include "harness/schedule/call_words.h"

#include <fcntl.h>

#include <csignal>
#include <utility>

#include <gtest/gtest.h>

namespace stress {
namespace {

CallWords of(Sys sys, const std::string& path, int flags = 0, int fd = -1) {
  Op op;
  op.sys = sys;
  op.path = path;
  op.flags = flags;
  op.fd = fd;
  return words_of(op, {"/w", "/v/deep"});
}

TEST(CallWords, FilesAreToldByTheirPlaceBelowTheWatchedFolder) {
  EXPECT_EQ(of(Sys::kRead, "/w/registry.json").words, "read registry.json");
  EXPECT_EQ(of(Sys::kRead, "/w/sub/file").words, "read sub/file");
  EXPECT_EQ(of(Sys::kRead, "/v/deep/file").words, "read file");
  EXPECT_EQ(of(Sys::kLook, "/w").words, "look at .");
  EXPECT_EQ(of(Sys::kRead, "/w/sub/file").file, "sub/file");
}

TEST(CallWords, FilesElsewhereAreToldByTheirWholePathAndKeyedWithoutTheirFolders) {
  const CallWords null = of(Sys::kUnlock, "/dev/null", 0, 3);
  EXPECT_EQ(null.words, "unlock /dev/null");
  EXPECT_EQ(null.file, "/dev/null");
  EXPECT_EQ(null.key, "unlock null");
  EXPECT_EQ(of(Sys::kLock, "/tmp/run-1/lock").words, "lock /tmp/run-1/lock");
  EXPECT_EQ(of(Sys::kLock, "/tmp/run-1/lock").key, of(Sys::kLock, "/tmp/run-2/lock").key);
  EXPECT_EQ(of(Sys::kRead, "/watch/f").words, "read /watch/f");
  Op op;
  op.sys = Sys::kRename;
  op.path = "/tmp/new";
  op.path2 = "/w/registry.json";
  EXPECT_EQ(words_of(op, {"/w"}).words, "rename /tmp/new -> registry.json");
  EXPECT_EQ(words_of(op, {"/w"}).key, "rename new -> registry.json");
  std::swap(op.path, op.path2);
  EXPECT_EQ(words_of(op, {"/w"}).file2, "/tmp/new");
}

TEST(CallWords, AConnectionIsToldByWhoAnswersIt) {
  const auto connection = [](const std::string& path) {
    Op op;
    op.sys = Sys::kConnect;
    op.path = path;
    return words_of(op, {"/w"}, "/run/tmux-0/default");
  };
  EXPECT_EQ(connection("/run/tmux-0/default").words, "connect to the tmux server");
  EXPECT_EQ(connection("/run/tmux-0/default").file, "the tmux server");
  EXPECT_EQ(connection("/run/tmux-0/default").key, "connect to default");
  EXPECT_EQ(connection("/run/tmux-0/other").words, "connect to the tmux server other");
  EXPECT_EQ(connection("/run/daemon.sock").words, "connect to /run/daemon.sock");
  EXPECT_EQ(connection("/w/daemon.sock").words, "connect to daemon.sock");
}

TEST(CallWords, AnOpeningTellsWhatItIsFor) {
  EXPECT_EQ(of(Sys::kOpen, "/w/f", O_RDONLY).words, "open for reading f");
  EXPECT_EQ(of(Sys::kOpen, "/w/f", O_RDWR).words, "open for writing f");
  EXPECT_EQ(of(Sys::kOpen, "/w/f", O_WRONLY | O_TRUNC).words, "open and empty f");
  EXPECT_EQ(of(Sys::kOpen, "/w/f", O_RDWR | O_CREAT).words, "open or create f");
  EXPECT_EQ(of(Sys::kOpen, "/w/f", O_RDWR | O_CREAT | O_EXCL).words, "create f");
}

TEST(CallWords, EachKindHasItsVerb) {
  EXPECT_EQ(of(Sys::kUnlink, "/w/f").words, "delete f");
  EXPECT_EQ(of(Sys::kTruncate, "/w/f").words, "cut f");
  EXPECT_EQ(of(Sys::kMode, "/w/f").words, "change the mode of f");
  EXPECT_EQ(of(Sys::kUnlock, "/w/f").words, "unlock f");
  EXPECT_EQ(of(Sys::kConnect, "/w/socket").words, "connect to socket");
  EXPECT_EQ(of(Sys::kSleep, "").words, "sleep");
  EXPECT_EQ(of(Sys::kSignal, "", SIGTERM).words, "send SIGTERM");
  EXPECT_EQ(of(Sys::kSignal, "", 40).words, "send signal 40");
  EXPECT_EQ(of(Sys::kWrite, "/w/f").kind, "write");
  Op op;
  op.sys = Sys::kFolder;
  op.path = "/w/d";
  op.name = "mkdir";
  EXPECT_EQ(words_of(op, {"/w"}).words, "make the folder d");
  op.name = "rmdir";
  EXPECT_EQ(words_of(op, {"/w"}).words, "remove the folder d");
  op.sys = Sys::kLook;
  op.folder = true;
  EXPECT_EQ(words_of(op, {"/w"}).words, "list the names in d");
}

TEST(CallWords, HowMuchIsWrittenIsForPeopleAndNotForTheKey) {
  Op op;
  op.sys = Sys::kWrite;
  op.path = "/w/registry.json";
  op.bytes = 412;
  EXPECT_EQ(words_of(op, {"/w"}).words, "write 412 bytes to registry.json");
  EXPECT_EQ(words_of(op, {"/w"}).key, "write to registry.json");
}

TEST(CallWords, RandomPartsOfNamesAreForPeopleAndNotForTheKey) {
  Op op;
  op.sys = Sys::kRename;
  op.path = "/w/registry.json.tmp-8xQ3";
  op.path2 = "/w/registry.json";
  const CallWords one = words_of(op, {"/w"});
  EXPECT_EQ(one.words, "rename registry.json.tmp-8xQ3 -> registry.json");
  EXPECT_EQ(one.file2, "registry.json");
  op.path = "/w/registry.json.tmp-77aB";
  const CallWords other = words_of(op, {"/w"});
  EXPECT_EQ(one.key, other.key);
  EXPECT_NE(one.words, other.words);
}

TEST(CallWords, AFileThatWasReplacedWhileItWasOpenIsToldSo) {
  const CallWords call = of(Sys::kWrite, "/w/lock (deleted)", 0, 3);
  EXPECT_EQ(call.words, "write 0 bytes to lock, which is no longer the file of that name");
  EXPECT_EQ(call.key, "write to lock, replaced");
  EXPECT_EQ(call.file, "lock");
  EXPECT_EQ(of(Sys::kUnlink, "/w/lock (deleted)").words, "delete lock (deleted)");
}

}  // namespace
}  // namespace stress
