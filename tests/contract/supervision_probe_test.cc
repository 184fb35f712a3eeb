// Goal: where supervision is not to be had, one sentence says what stands in its way; and where a
// program has no privileges it is to be had.
// Method: a program asks, under conditions that are made for it.
#include <cerrno>

#include <gmock/gmock.h>

#include "orchestrator/base/file_io.h"
#include "tests/unit/engine_fixture.h"

namespace stress {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Words = std::vector<std::string>;

class SupervisionProbe : public EngineTest {
 protected:
  /// What the program said; nullopt: `before`, which runs it, may not be had here.
  std::optional<std::string> sentence(Words before, const Words& after = {},
                                      std::uint32_t set = 0) {
    if (!before.empty()) {
      Words control = before;
      control.emplace_back("/bin/true");
      if (run(control, 0) != 0) return std::nullopt;
    }
    before.push_back(std::filesystem::read_symlink("/proc/self/exe").parent_path() /
                     "supervision_probe_helper");
    before.push_back(in_folder("said"));
    before.insert(before.end(), after.begin(), after.end());
    EXPECT_EQ(run(before, set), 0);
    std::string said = base::read_file(in_folder("said")).value_or("nothing was written");
    EXPECT_EQ(said.find('\n'), std::string::npos) << said;
    return said;
  }
};

TEST_F(SupervisionProbe, NothingIsInTheWayOfAnOrdinaryProgram) { EXPECT_EQ(sentence({}), ""); }

TEST_F(SupervisionProbe, InAUserNamespaceItCanBeHad) {
  const auto said = sentence({"/usr/bin/unshare", "-Ur"});
  if (!said) GTEST_SKIP() << "user namespaces may not be made here";
  EXPECT_EQ(*said, "");
}

TEST_F(SupervisionProbe, UnderAnotherSupervisorItSaysSo) {
  EXPECT_THAT(sentence({}, {}, kCrashSet).value(),
              AllOf(HasSubstr("another supervisor"), HasSubstr("EBUSY")));
}

TEST_F(SupervisionProbe, WhereProcIsThatOfOtherProcessesItSaysSo) {
  const auto said = sentence({"/usr/bin/unshare", "-Urpf"});
  if (!said) GTEST_SKIP() << "pid namespaces may not be made here";
  EXPECT_THAT(*said, HasSubstr("/proc"));
}

TEST_F(SupervisionProbe, WhereACallIsForbiddenItIsNamed) {
  for (const char* call : {"seccomp", "pidfd_getfd", "process_vm_readv"}) {
    const std::string said = sentence({}, {call, std::to_string(EPERM)}).value();
    EXPECT_THAT(
        said, AllOf(HasSubstr(call), HasSubstr("Operation not permitted"), HasSubstr("container")));
  }
}

TEST_F(SupervisionProbe, WhereTheKernelIsTooOldItSaysHowNewItMustBe) {
  for (const int error_number : {EINVAL, ENOSYS}) {
    const std::string said = sentence({}, {"seccomp", std::to_string(error_number)}).value();
    EXPECT_THAT(said, AllOf(HasSubstr("Linux 5.19"), Not(HasSubstr("container"))));
  }
}

}  // namespace
}  // namespace stress
