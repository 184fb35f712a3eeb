// The promises of orc::Store that take more than one process to break.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "orchestrator/base/unique_fd.h"
#include "tests/contract/store_contract.h"
#include "tests/support/child_process.h"

namespace orc {
namespace {

using ConcurrentStoreContract = StoreContract;

// Goal: no update is lost and no generation is given twice, whoever writes at the same time.
// Method: processes with threads each add records of their own and count up one common record.
TEST_P(ConcurrentStoreContract, ProcessesAndThreadsTogetherLoseNothing) {
  auto store = created();
  ASSERT_TRUE(put(*store, make_agent("common")));
  constexpr int kProcesses = 4;
  constexpr int kThreads = 4;
  constexpr int kRounds = 6;
  std::vector<tests::ChildProcess> children;
  children.reserve(kProcesses);
  for (int process = 0; process < kProcesses; ++process) {
    children.emplace_back([&, process] {
      auto shared = open();
      std::atomic<int> failures = 0;
      std::vector<std::jthread> threads;
      threads.reserve(kThreads);
      for (int thread = 0; thread < kThreads; ++thread) {
        threads.emplace_back([&, thread] {
          for (int round = 0; round < kRounds; ++round) {
            const auto id = fmt::format("a-{}-{}-{}", process, thread, round);
            const auto done =
                shared->transact("add", id, [&](Transaction& transaction) -> base::Status {
                  auto common = transaction.agent("common").value();
                  ++common.progress;
                  transaction.put(common);
                  transaction.put(make_agent(id));
                  return {};
                });
            if (!done || done->generation_after != done->generation_before + 1) ++failures;
          }
        });
      }
      threads.clear();
      return failures == 0 ? 0 : 1;
    });
  }
  for (auto& child : children) EXPECT_EQ(child.wait(), 0);
  constexpr int kSum = kProcesses * kThreads * kRounds;
  const auto state = store->read().value();
  EXPECT_EQ(state->agent("common").value().progress, kSum);
  EXPECT_EQ(state->counts().agents_total, kSum + 1);
  EXPECT_EQ(state->generation(), 2U + kSum);
}

// Goal: after a SIGKILL at any moment the registry is sound and holds all that was acknowledged.
// Method: a child commits one record after the other and writes each number to a pipe; it is killed
// some random instant after a random number of acknowledgements.
TEST_P(ConcurrentStoreContract, KeepsWhatWasAcknowledgedWhenAWriterIsKilled) {
  auto store = created();
  const auto seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  int next = 0;
  for (int round = 0; round < 20; ++round) {
    int acks[2];
    ASSERT_EQ(::pipe2(acks, O_CLOEXEC), 0);
    base::UniqueFd acks_out(acks[0]);
    base::UniqueFd acks_in(acks[1]);
    tests::ChildProcess writer([&] {
      auto own = open();
      for (int number = next;; ++number) {
        if (!put(*own, make_agent("a-" + std::to_string(number)))) return 1;
        if (::write(acks_in.get(), &number, sizeof number) != sizeof number) return 2;
      }
    });
    acks_in.reset();
    const int wanted = static_cast<int>(random() % 6);
    int acknowledged = next - 1;
    for (int i = 0; i < wanted; ++i) {
      ASSERT_EQ(::read(acks_out.get(), &acknowledged, sizeof acknowledged), sizeof acknowledged);
    }
    const std::int64_t until_ns =
        base::monotonic_ns() + static_cast<std::int64_t>(random() % 3'000'000);
    while (base::monotonic_ns() < until_ns) {
    }
    writer.kill(SIGKILL);
    EXPECT_EQ(writer.wait(), 128 + SIGKILL);
    while (::read(acks_out.get(), &acknowledged, sizeof acknowledged) == sizeof acknowledged) {
    }
    const auto state = store->read();
    ASSERT_TRUE(state) << state.error().message;
    const int total = (*state)->counts().agents_total;
    EXPECT_GE(total, acknowledged + 1);
    EXPECT_LE(total, acknowledged + 2) << "at most the one in flight";
    EXPECT_EQ((*state)->counts(), (*state)->stored_counts());
    next = total;
  }
  ASSERT_TRUE(store->remove_leftovers());
  EXPECT_TRUE(store->leftovers().value().empty());
  ASSERT_TRUE(put(*store, make_agent("last")));
}

INSTANTIATE_TEST_SUITE_P(Stores, ConcurrentStoreContract, testing::ValuesIn(all_stores()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace orc
