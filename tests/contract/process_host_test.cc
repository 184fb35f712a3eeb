// What only the process host can get wrong: it knows its sessions by a mark that children inherit,
// and it has no screens.
#include <sys/types.h>

#include <string>

#include <gtest/gtest.h>

#include "orchestrator/session/session_host.h"
#include "tests/contract/session_host_support.h"

namespace orc::session_test {
namespace {

using base::Errc;

class ProcessHost : public Bench {
 protected:
  void SetUp() override { host_ = make_process_host(); }
};

TEST_F(ProcessHost, DescendantsThatInheritTheMarkAreNoSessions) {
  const auto made = must_create(spec("parent", "sleep 1000 & echo $! > child; wait"));
  ASSERT_TRUE(eventually([&] { return text_of(work_ / "child").ends_with('\n'); }));
  EXPECT_EQ(ours().size(), 1U);
  const auto child = base::identify(static_cast<pid_t>(std::stol(text_of(work_ / "child"))));
  ASSERT_TRUE(child);
  ASSERT_TRUE(host_->end(made, kPatience));
  EXPECT_TRUE(base::wait_dead(*child, kPatience)) << "the whole group is hung up";
}

TEST_F(ProcessHost, HasNoScreens) {
  const auto made = must_create(spec("blind"));
  EXPECT_EQ(host_->capture(made, 5).error().code, Errc::kUnavailable);
}

}  // namespace
}  // namespace orc::session_test
