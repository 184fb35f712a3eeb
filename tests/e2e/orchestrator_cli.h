#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "orchestrator/base/file_io.h"
#include "orchestrator/base/process_identity.h"
#include "orchestrator/base/subprocess.h"
#include "orchestrator/base/unique_fd.h"
#include "tests/support/temp_folder.h"

namespace e2e {

using Json = nlohmann::json;

/// A named pipe: how an agent or a stand-in for tmux tells the test that it has come somewhere, and
/// how the test lets it go on. Nobody sleeps and hopes.
class Fifo {
 public:
  explicit Fifo(std::filesystem::path path) : path_(std::move(path)) {
    EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    // Opened for writing too, so that neither side ever waits in open().
    fd_.reset(::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  }

  /// One line, without its end; a failure after a generous while.
  std::string line() {
    std::string text;
    pollfd poll_fd{fd_.get(), POLLIN, 0};
    while (!text.ends_with('\n')) {
      if (::poll(&poll_fd, 1, 30'000) <= 0) {
        ADD_FAILURE() << "nothing came through " << path_;
        return text;
      }
      char c = 0;
      if (::read(fd_.get(), &c, 1) == 1) text += c;
    }
    text.pop_back();
    return text;
  }

  void tell(const std::string& text) {
    const std::string out = text + "\n";
    EXPECT_EQ(::write(fd_.get(), out.data(), out.size()), static_cast<ssize_t>(out.size()));
  }

  [[nodiscard]] std::string word() const { return "'" + path_.string() + "'"; }

 private:
  std::filesystem::path path_;
  base::UniqueFd fd_;
};

/// Ends by a call of tmux those whose pids another has printed. Returns when they are dead: tmux
/// does not wait for that.
inline void expect_to_end(const base::Outcome& pids, const std::function<base::Outcome()>& by) {
  std::vector<base::ProcessIdentity> doomed;
  std::istringstream words(pids.out);
  for (pid_t pid = 0; words >> pid;) {
    const auto process = base::identify(pid);
    if (process) doomed.push_back(*process);
  }
  EXPECT_FALSE(doomed.empty()) << pids.err;
  EXPECT_EQ(by().exit_code, 0);
  for (const auto& process : doomed) EXPECT_TRUE(base::wait_dead(process, std::chrono::minutes(1)));
}

/// A workspace driven by the program alone, with a tmux server of its own.
class Orchestrator {
 public:
  Orchestrator() {
    std::filesystem::create_directory(folder_ / "bin");
    for (const std::string& variable : base::current_environment()) {
      const std::string name = variable.substr(0, variable.find('='));
      if (name == "TMUX" || name == "TMUX_PANE" || name == "TMUX_TMPDIR" || name == "PATH" ||
          name.starts_with("SPAWNSTORM_")) {
        continue;
      }
      env_.push_back(variable);
    }
    // Socket paths end at 107 bytes, so the folder with the long name will not do.
    env_.push_back("TMUX_TMPDIR=" + folder_.path().parent_path().string());
    env_.push_back("PATH=" + (folder_ / "bin").string() + ":" + std::getenv("PATH"));
  }

  ~Orchestrator() {
    if (!workspace_id_.empty()) {
      const auto agents = run({"list", "--active", "--json"});
      const Json list = Json::parse(agents.out, nullptr, false);
      if (list.contains("agents")) {
        for (const Json& agent : list["agents"]) run({"kill", agent["id"].get<std::string>()});
      }
      tmux({"kill-server"});
    }
  }

  base::Outcome run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(),
                     {ORCHESTRATOR_PROGRAM, "--workspace", (folder_ / "ws").string()});
    return execute(std::move(arguments));
  }

  base::Outcome tmux(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"tmux", "-L", "spawnstorm-" + workspace_id_});
    return execute(std::move(arguments));
  }

  /// With all its sessions.
  void end_tmux_server() const {
    expect_to_end(tmux({"list-panes", "-a", "-F", "#{pid} #{pane_pid}"}),
                  [this] { return tmux({"kill-server"}); });
  }

  base::Outcome execute(std::vector<std::string> argv) const {
    base::Command command;
    command.argv = std::move(argv);
    command.env = env_;
    command.cwd = folder_.path();
    command.timeout = std::chrono::seconds(60);
    auto outcome = base::run(command);
    if (!outcome) {
      ADD_FAILURE() << outcome.error().message;
      return {};
    }
    return *std::move(outcome);
  }

  /// With --json; expects the exit code.
  Json json(std::vector<std::string> arguments, int exit_code = 0) const {
    arguments.insert(arguments.begin(), "--json");
    const auto outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.out << outcome.err;
    Json json = Json::parse(outcome.out, nullptr, false);
    EXPECT_FALSE(json.is_discarded()) << outcome.out;
    return json;
  }

  void init(const std::string& sessions, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"init", "--sessions", sessions});
    workspace_id_ = json(more)["workspace_id"];
    ASSERT_EQ(run({"task", "create", "--id", "t", "Build it"}).exit_code, 0);
  }

  /// Returns the agent's id.
  std::string spawn(const std::string& script) const {
    return json({"spawn", "--task", "t", "--type", "coder", "--", "sh", "-c", script})["agent_id"];
  }

  Json agent(const std::string& id) const {
    const Json list = json({"list"});
    for (const Json& agent : list["agents"]) {
      if (agent["id"] == id) return agent;
    }
    return {};
  }

  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }

 private:
  tests::TempFolder folder_;
  std::vector<std::string> env_;
  std::string workspace_id_;
};

}  // namespace e2e
