// Goal: what would change files past the supervisor is refused or noted, never silently missed.
// Method: a small static program makes such a call; each has a control run, without the supervisor
// or with a call that is harmless.
#include <gmock/gmock.h>

#include "tests/contract/system_calls_helper.h"
#include "tests/unit/engine_fixture.h"

namespace stress {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Kind = BlindSpot::Kind;

class BlindSpotsTest : public EngineTest {
 protected:
  /// The errno that the call came back with; 128 and above: a signal ended it.
  int call(const std::string& name, std::uint32_t set = kCrashSet) {
    const int status = run({system_calls_helper(), name}, set);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  static BlindSpot by_helper(Kind kind) { return {kind, "system_calls_he"}; }  // as /proc cuts it
};

TEST_F(BlindSpotsTest, UringIsRefusedAndNoted) {
  EXPECT_EQ(call("uring"), ENOSYS);
  EXPECT_THAT(blind_spots_, ElementsAre(by_helper(Kind::kUring)));
}

TEST_F(BlindSpotsTest, CallsOf32BitsAreRefusedAndNoted) {
  if (call("getpid32", 0) != 0) GTEST_SKIP() << "this kernel has no 32-bit calls";
  EXPECT_EQ(call("getpid32"), ENOSYS);
  EXPECT_THAT(blind_spots_, ElementsAre(by_helper(Kind::kForeignCall)));
  EXPECT_EQ(call("open32"), ENOSYS);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "by-int80"));
  EXPECT_EQ(call("open32", 0), 0);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "by-int80"));
}

TEST_F(BlindSpotsTest, CallsOfX32AreRefusedAndNoted) {
  EXPECT_EQ(call("getpid-x32"), ENOSYS);  // as most kernels do by themselves
  EXPECT_THAT(blind_spots_, ElementsAre(by_helper(Kind::kForeignCall)));
}

TEST_F(BlindSpotsTest, AFileThatIsMappedSharedAndMayBeWrittenToIsNamed) {
  for (const char* way : {"map-shared", "map-shared-to-read"}) {
    EXPECT_EQ(call(way), 0);
    EXPECT_THAT(blind_spots_, ElementsAre(BlindSpot{Kind::kSharedMapping, in_folder("mapped")}))
        << way;
  }
}

TEST_F(BlindSpotsTest, MappingsThroughWhichNoFileChangesAreNotNoted) {
  for (const char* way : {"map-private", "map-read-only"}) {
    EXPECT_EQ(call(way), 0);
    EXPECT_THAT(blind_spots_, IsEmpty()) << way;
  }
}

TEST_F(BlindSpotsTest, PoliciesAreNotAskedAboutThem) {
  for (const char* way : {"uring", "getpid-x32", "map-shared"}) call(way);
  for (const Op& op : script_.seen) EXPECT_NE(op.name, "unknown") << op.number;
}

}  // namespace
}  // namespace stress
