// Goal: who waits sees how far it is, and what is piped is plain. Method: a file, and a terminal of
// the test's own.
#include "harness/cli/progress_line.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "orchestrator/base/unique_fd.h"

namespace stress {
namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

/// What comes out where `use` is told of a progress.
template <class Use>
std::string on_a_terminal(bool quiet, const Use& use) {
  const base::UniqueFd screen(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!screen.valid() || grantpt(screen.get()) != 0 || unlockpt(screen.get()) != 0) return "none";
  const File file(std::fopen(ptsname(screen.get()), "we"));
  if (!file) return "none";
  {
    ProgressLine line(quiet, file.get());
    use(line);
  }
  std::fputs("end", file.get());
  std::fflush(file.get());
  std::string shown;
  while (!shown.ends_with("end")) {
    char bytes[256];
    const ssize_t got = read(screen.get(), bytes, sizeof bytes);
    if (got <= 0) break;
    shown.append(bytes, static_cast<std::size_t>(got));
  }
  return shown;
}

template <class Use>
std::string piped(bool quiet, const Use& use) {
  char* text = nullptr;
  std::size_t size = 0;
  {
    const File file(open_memstream(&text, &size));
    ProgressLine line(quiet, file.get());
    use(line);
  }
  const std::unique_ptr<char, decltype(&std::free)> owner(text, &std::free);
  return {text, size};
}

void work(ProgressLine& line) {
  line.tell("seed {}", 7);
  line.show("1 of 2");
  line.tell("point {} is unsound", 1);
}

TEST(ProgressLine, OnATerminalMakesRoomForLinesThatStay) {
  EXPECT_EQ(on_a_terminal(false, work), "seed 7\r\n1 of 2\r\033[Kpoint 1 is unsound\r\nend");
}

TEST(ProgressLine, OnATerminalIsGoneAtTheEnd) {
  EXPECT_EQ(on_a_terminal(false, [](ProgressLine& line) { line.show("1 of 2"); }),
            "1 of 2\r\033[Kend");
}

TEST(ProgressLine, IsPlainWherePipedAndSaysHowFarItIsOnlyAfterAWhile) {
  EXPECT_EQ(piped(false, work), "seed 7\npoint 1 is unsound\n");
}

TEST(ProgressLine, SaysNothingWhereItIsToBeQuiet) {
  EXPECT_EQ(on_a_terminal(true, work), "end");
  EXPECT_EQ(piped(true, work), "");
}

}  // namespace
}  // namespace stress
