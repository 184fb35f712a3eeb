#include "harness/campaign/leftover_files.h"

#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orchestrator/base/file_lock.h"
#include "orchestrator/base/unique_fd.h"

namespace stress {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;

class LeftoverFiles : public testing::Test {
 protected:
  LeftoverFiles() {
    std::string path = "/tmp/ss-left-XXXXXX";
    top_ = ::mkdtemp(path.data());
    for (const char* part : {"workspace", "tmp", "home", "run"}) {
      std::filesystem::create_directory(top_ / part);
    }
    place_.workspace = top_ / "workspace";
    place_.env = {"PATH=/bin", "HOME=" + (top_ / "home").string(),
                  "XDG_RUNTIME_DIR=" + (top_ / "run").string(),
                  "TMPDIR=" + (top_ / "tmp").string()};
  }
  ~LeftoverFiles() override { std::filesystem::remove_all(top_); }

  void write(const std::string& name) const { std::ofstream(top_ / name) << "x"; }
  /// Stays bound; whether anybody listens is up to the caller.
  [[nodiscard]] base::UniqueFd bind_socket(const std::string& name) const {
    base::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (top_ / name).native().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return socket;
  }
  [[nodiscard]] std::vector<std::string> found() const {
    std::vector<std::string> out;
    for (const Leftover& leftover : find_leftover_files(place_)) {
      std::string detail = leftover.detail.substr(top_.native().size() + 1);
      out.push_back(leftover.kind + " " + detail);
    }
    return out;
  }

  std::filesystem::path top_;
  RunPlace place_;
};

TEST_F(LeftoverFiles, ATidyTargetLeavesNone) {
  write("workspace/registry.json");
  write("workspace/registry.lock");
  write("home/.profile");
  write("run/tmux.lock");
  const base::UniqueFd stale = bind_socket("run/tmux");
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(LeftoverFiles, TemporaryFilesSocketsAndHeldLocksAreNamed) {
  write("workspace/registry.json.tmp-1");
  write("tmp/anything");
  bind_socket("workspace/s").reset();
  bind_socket("tmp/s").reset();
  const base::UniqueFd server = bind_socket("run/tmux");
  ASSERT_EQ(::listen(server.get(), 1), 0);
  write("workspace/a.lock");
  const auto lock = base::FileLock::acquire(top_ / "workspace/b.lock", std::chrono::seconds(1));
  ASSERT_TRUE(lock);
  EXPECT_THAT(found(), UnorderedElementsAre("temp-file workspace/registry.json.tmp-1",
                                            "temp-file tmp/anything", "socket workspace/s",
                                            "socket tmp/s", "socket run/tmux still has a listener",
                                            "lock workspace/b.lock is still held"));
}

}  // namespace
}  // namespace stress
