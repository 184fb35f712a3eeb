#pragma once

#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "orchestrator/base/clock.h"
#include "orchestrator/base/file_io.h"
#include "orchestrator/base/random_id.h"
#include "orchestrator/base/subprocess.h"
#include "orchestrator/session/session_host.h"

namespace orc::session_test {

inline constexpr std::chrono::seconds kPatience{30};

inline bool tmux_installed() { return base::run({.argv = {"tmux", "-V"}}).has_value(); }

/// Looks again and again until `seen` holds or a generous deadline has passed.
inline bool eventually(const std::function<bool()>& seen) {
  const auto deadline = base::monotonic_ns() + std::chrono::nanoseconds(kPatience).count();
  while (base::monotonic_ns() < deadline) {
    if (seen()) return true;
    std::this_thread::yield();
  }
  return seen();
}

inline std::string text_of(const std::filesystem::path& path) {
  return base::read_file(path).value_or("(no file)");
}

/// A folder, and a host in it that nobody else uses. Everything started on it is ended.
class Bench : public testing::Test {
 protected:
  Bench() {
    std::string path = "/tmp/ss-XXXXXX";
    folder_ = ::mkdtemp(path.data());
    std::filesystem::create_directory(folder_ / "work it's");
    work_ = folder_ / "work it's";
  }
  ~Bench() override {
    if (host_) {
      const auto listing = host_->list();
      for (const Session& session : listing ? listing->sessions : std::vector<Session>{}) {
        if (session.workspace.ends_with(unique_)) {
          static_cast<void>(host_->end(session.identity, kPatience));
        }
      }
    }
    if (tmux_installed()) static_cast<void>(tmux({"kill-server"}));
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] std::string socket() const { return folder_ / "socket"; }
  base::Result<base::Outcome> tmux(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"tmux", "-f", "/dev/null", "-S", socket()});
    return base::run({.argv = std::move(arguments)});
  }
  [[nodiscard]] TmuxOptions private_options() const {
    return {.socket = socket(), .timeout = kPatience};
  }

  /// By default an agent that runs until it is ended.
  [[nodiscard]] SessionSpec spec(std::string name, std::string script = "exec sleep 1000") const {
    return {.name = std::move(name),
            .workspace = "ws-" + unique_,
            .attempt = "try1",
            .argv = {"sh", "-c", std::move(script)},
            .cwd = work_,
            .log = {}};
  }
  SessionIdentity must_create(const SessionSpec& wanted) {
    auto made = host_->create(wanted);
    if (!made) {
      ADD_FAILURE() << made.error().message;
      return {};
    }
    return *std::move(made);
  }
  [[nodiscard]] std::vector<Session> ours() const {
    auto listing = host_->list();
    EXPECT_TRUE(listing) << listing.error().message;
    if (!listing) return {};
    std::erase_if(listing->sessions,
                  [&](const Session& session) { return session.workspace != "ws-" + unique_; });
    return listing->sessions;
  }

  const std::string unique_ = base::random_id();
  std::filesystem::path folder_;
  std::filesystem::path work_;
  std::unique_ptr<SessionHost> host_;
};

}  // namespace orc::session_test
