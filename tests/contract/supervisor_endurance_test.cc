// Goal: however many runs there are, none leaves a descriptor, a child, a cgroup or memory behind.
// Method: a tiny program runs some hundred times; what is held after the first tenth is compared
// with what is held at the end. SPAWNSTORM_RUNS sets how often (10000 by night).
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "harness/supervise/group.h"
#include "tests/contract/system_calls_helper.h"
#include "tests/unit/engine_fixture.h"

namespace stress {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

int runs() {
  const char* asked = std::getenv("SPAWNSTORM_RUNS");
  return std::max(100, asked == nullptr ? 300 : static_cast<int>(std::strtol(asked, nullptr, 10)));
}

std::ptrdiff_t open_descriptors() {
  return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
}

std::ptrdiff_t own_threads() {
  return std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator());
}

long resident_bytes() {
  long whole = 0;
  long resident = 0;
  std::ifstream("/proc/self/statm") >> whole >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

/// The sanitizers keep freed memory for a while.
constexpr bool kMemoryIsOurs =
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    false;
#else
    true;
#endif

class CountExits : public Policy {
 public:
  Verdict decide(const Op&) override { return Proceed{}; }
  void applied(const Op&, const Verdict&, bool) override {}
  void exited(std::uint32_t, int status) override {
    const std::lock_guard lock(mutex_);
    good_ += WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : 0;
    changed_.notify_all();
  }
  bool wait_for(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return good_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int good_ = 0;
};

class SupervisorEndurance : public EngineTest {
 protected:
  static std::string token(int number) {
    return "endurance" + std::to_string(getpid()) + "n" + std::to_string(number);
  }
  [[nodiscard]] LaunchSpec tiny() const {
    return {{system_calls_helper(), "nothing"}, {}, folder_, {}};
  }
  /// The engine lets go of a listener when it hears that nobody is left behind it.
  static void expect_descriptors(std::ptrdiff_t expected) {
    const auto deadline = steady_clock::now() + std::chrono::seconds(30);
    while (open_descriptors() > expected && steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_EQ(open_descriptors(), expected);
  }
  static void expect_no_child() {
    siginfo_t info{};
    EXPECT_EQ(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT), -1) << info.si_pid;
  }
};

TEST_F(SupervisorEndurance, ManyLaunchesOfOneEngineLeaveNothing) {
  const int count = runs();
  auto group = Group::create(token(0));
  ASSERT_TRUE(group) << group.error().message;
  CountExits exits;
  auto engine = Engine::start(exits, kPointSet, group->join_fd());
  ASSERT_TRUE(engine) << engine.error().message;
  const std::ptrdiff_t descriptors = open_descriptors();
  long resident = 0;
  for (int i = 1; i <= count; ++i) {
    ASSERT_TRUE((*engine)->launch(tiny()));
    ASSERT_TRUE(exits.wait_for(i)) << i;
    if (i == count / 10) resident = resident_bytes();
  }
  expect_descriptors(descriptors);
  expect_no_child();
  const long grown = resident_bytes() - resident;
  RecordProperty("runs", count);
  RecordProperty("grown_bytes", static_cast<int>(grown));
  // A launch is remembered by its number; so much, and the heap's own slack, may stay of it.
  constexpr long kOfALaunch = 512;
  constexpr long kSlack = 512 * 1024L;
  EXPECT_TRUE(!kMemoryIsOurs || grown <= kSlack + count * kOfALaunch) << grown;
  engine->reset();
  EXPECT_TRUE(group->close(std::chrono::seconds(10)));
}

TEST_F(SupervisorEndurance, ManyRunsWithAGroupAndAnEngineEachLeaveNothing) {
  const int count = runs() / 10;
  const std::ptrdiff_t descriptors = open_descriptors();
  std::thread([] {}).join();  // with the first one, a sanitizer starts one of its own
  const std::ptrdiff_t threads = own_threads();
  std::vector<fs::path> cgroups;
  for (int i = 0; i < count; ++i) {
    auto group = Group::create(token(i));
    ASSERT_TRUE(group) << group.error().message;
    if (group->has_cgroup()) cgroups.push_back(group->cgroup());
    CountExits exits;
    auto engine = Engine::start(exits, kPointSet, group->join_fd());
    ASSERT_TRUE(engine) << engine.error().message;
    ASSERT_TRUE((*engine)->launch(tiny()));
    ASSERT_TRUE(exits.wait_for(1)) << i;
  }
  for (const fs::path& cgroup : cgroups) EXPECT_FALSE(fs::exists(cgroup)) << cgroup;
  expect_descriptors(descriptors);
  expect_no_child();
  EXPECT_EQ(own_threads(), threads);
}

}  // namespace
}  // namespace stress
