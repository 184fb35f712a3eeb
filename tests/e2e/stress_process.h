#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>

#include "harness/supervise/group.h"
#include "tests/e2e/stress_program.h"
#include "tests/support/child_process.h"

namespace e2e {

/// Looks until it is so: what is awaited here has no event to wait for. False: not within a minute.
template <class Done>
bool eventually(const Done& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

/// A `stress` that runs beside the test.
class StressProcess {
 public:
  /// `out`: where its results go; what it prints goes to `out`/printed.
  StressProcess(const Words& flags, std::filesystem::path out, const char* command = "run")
      : out_(std::move(out)), child_([&] { return become_stress(command, flags, out_); }) {}

  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  void signal(int number) const { child_.kill(number); }
  /// The exit code, or 128 + the signal that ended it.
  int wait() { return child_.wait(); }
  [[nodiscard]] std::string printed() const {
    return base::read_file(out_ / "printed").value_or("");
  }
  [[nodiscard]] std::filesystem::path results() const { return out_ / "latest"; }

  /// The storm is on, with crashes and all: so many agents were born.
  [[nodiscard]] bool has_agents(int births) const {
    const std::string lives = base::read_file(results() / "agents.jsonl").value_or("");
    int found = 0;
    for (std::size_t at = 0; (at = lives.find("\"birth\"", at)) != std::string::npos; ++at) ++found;
    return found >= births;
  }

  /// What the run says of itself to its workers.
  struct Run {
    std::string token;
    std::filesystem::path temporary;  ///< where its sockets are
  };
  [[nodiscard]] Run run() const {
    Run run;
    for (const auto& entry : std::filesystem::directory_iterator(results() / "logs")) {
      if (entry.path().extension() != ".json") continue;
      const Json config = read_json(entry.path());
      for (const Json& variable : config["place"]["env"]) {
        const auto text = variable.get<std::string>();
        if (text.starts_with("SPAWNSTORM_RUN=")) run.token = text.substr(text.find('=') + 1);
        if (text.starts_with("TMUX_TMPDIR=")) run.temporary = text.substr(text.find('=') + 1);
      }
      break;
    }
    EXPECT_FALSE(run.token.empty());
    EXPECT_TRUE(run.temporary.string().starts_with("/tmp/ss-")) << run.temporary;
    return run;
  }

 private:
  static int become_stress(const char* command, const Words& flags,
                           const std::filesystem::path& out) {
    Words argv{STRESS_PROGRAM, command, "--out", out.string()};
    argv.insert(argv.end(), flags.begin(), flags.end());
    Words variables = environment();
    std::vector<char*> arguments;
    std::vector<char*> environ_of_it;
    for (std::string& word : argv) arguments.push_back(word.data());
    for (std::string& variable : variables) environ_of_it.push_back(variable.data());
    arguments.push_back(nullptr);
    environ_of_it.push_back(nullptr);
    const int file = ::open((out / "printed").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ::dup2(file, 1);
    ::dup2(file, 2);
    ::setpgid(0, 0);
    ::execve(arguments[0], arguments.data(), environ_of_it.data());
    return 127;
  }

  std::filesystem::path out_;
  tests::ChildProcess child_;
};

/// Folders of cgroups made for the run.
inline std::vector<std::filesystem::path> cgroups_of(const std::string& token) {
  std::vector<std::filesystem::path> found;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator entry(
           "/sys/fs/cgroup", std::filesystem::directory_options::skip_permission_denied, error),
       end;
       !error && entry != end; entry.increment(error)) {
    if (entry->path().filename() == "spawnstorm-" + token) found.push_back(entry->path());
  }
  return found;
}

/// "" when nothing of the run is left, else what is.
inline std::string what_is_left_of(const StressProcess::Run& run) {
  std::string left;
  const auto cgroups = cgroups_of(run.token);
  for (const auto& cgroup : cgroups) left += "cgroup " + cgroup.string() + "\n";
  for (const auto& member :
       stress::find_members(run.token, cgroups.empty() ? std::filesystem::path() : cgroups[0])) {
    left += "process " + std::to_string(member.pid) + ": " + member.command + "\n";
  }
  std::error_code error;
  if (std::filesystem::exists(run.temporary, error)) left += run.temporary.string() + "\n";
  return left;
}

}  // namespace e2e
