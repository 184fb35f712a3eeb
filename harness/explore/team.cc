#include "harness/explore/team.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "orchestrator/base/file_io.h"

namespace stress {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// A schedule that is stuck is known as such long before.
constexpr auto kSilenceMax = 300s;
constexpr auto kLastWords = 10s;

base::Status write_line(int fd, std::string line) {
  line += '\n';
  std::size_t written = 0;
  while (written < line.size()) {
    const ssize_t got = ::write(fd, line.data() + written, line.size() - written);
    if (got >= 0) {
      written += static_cast<std::size_t>(got);
    } else if (errno == EAGAIN) {
      pollfd room{fd, POLLOUT, 0};
      if (::poll(&room, 1, 10'000) != 1) return base::fail(base::Errc::kTimeout, "no answer");
    } else if (errno != EINTR) {
      return base::fail_errno(errno, "write to", "an explorer");
    }
  }
  return {};
}

}  // namespace

base::Result<std::unique_ptr<Team>> Team::start(const Scene& scene, int jobs,
                                                const std::atomic<bool>& interrupted) {
  std::unique_ptr<Team> team(new Team(interrupted));
  // Where the kernel has put this process there is room; the others take what comes next.
  const int idle = std::max(0, sched_getcpu());
  for (int i = 0; i < jobs; ++i) {
    Scene own = scene;
    own.explorer = idle + i;
    own.folder = scene.folder / ("explorer-" + std::to_string(i + 1));
    std::error_code error;
    fs::create_directories(own.folder, error);
    if (error) return base::fail_errno(error.value(), "create", own.folder);
    const fs::path file = own.folder / "scene.json";
    if (base::Status put = base::replace_file(file, encode(own)); !put) {
      return std::unexpected(put.error());
    }
    auto explorer = std::make_unique<Explorer>();
    explorer->log = own.folder / "explorer.log";
    base::Command command;
    command.argv = {"/proc/self/exe", "explorer", file.string()};
    auto process = base::start_piped(command, explorer->log);
    if (!process) return std::unexpected(process.error());
    explorer->process = std::move(*process);
    explorer->plan.emplace();  // to make its ground
    explorer->since = Clock::now();
    team->explorers_.push_back(std::move(explorer));
  }
  int ready = 0;
  while (ready < jobs) {
    const auto heard = team->hear();
    if (!heard) return std::unexpected(heard.error());
    for (const auto& [explorer, line] : *heard) {
      explorer->plan.reset();
      ++ready;
    }
  }
  return team;
}

Team::~Team() {
  for (const auto& explorer : explorers_) explorer->process.in.reset();
  for (const auto& explorer : explorers_) {
    pollfd dead{explorer->process.pidfd.get(), POLLIN, 0};
    const auto patience = interrupted_ ? 0ms : std::chrono::milliseconds(kLastWords);
    if (::poll(&dead, 1, static_cast<int>(patience.count())) != 1) {
      syscall(SYS_pidfd_send_signal, explorer->process.pidfd.get(), SIGKILL, nullptr, 0);
    }
    while (::waitpid(explorer->process.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
}

base::Status Team::give(Explorer& explorer, SchedulePlan plan) {
  explorer.since = Clock::now();
  base::Status given = write_line(explorer.process.in.get(), encode(plan));
  explorer.plan = std::move(plan);
  return given;
}

base::Status Team::listen(Explorer& explorer) {
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t got = ::read(explorer.process.out.get(), buffer.data(), buffer.size());
    if (got > 0) {
      explorer.heard.append(buffer.data(), static_cast<std::size_t>(got));
    } else if (got < 0 && errno == EAGAIN) {
      return {};
    } else if (got == 0 || errno != EINTR) {
      return base::fail(base::Errc::kUnavailable, "an explorer ended in the middle; see {}",
                        explorer.log.string());
    }
  }
}

/// Waits until one of them has said something: whole lines.
base::Result<std::vector<std::pair<Team::Explorer*, std::string>>> Team::hear() {
  std::vector<std::pair<Explorer*, std::string>> lines;
  while (lines.empty()) {
    if (interrupted_) return base::fail(base::Errc::kTimeout, "interrupted");
    std::vector<pollfd> polled;
    polled.reserve(explorers_.size());
    for (const auto& explorer : explorers_) {
      polled.push_back({explorer->process.out.get(), POLLIN, 0});
    }
    constexpr int kSliceMs = 200;
    ::poll(polled.data(), polled.size(), kSliceMs);
    for (std::size_t i = 0; i < polled.size(); ++i) {
      Explorer& explorer = *explorers_[i];
      if (explorer.plan && Clock::now() - explorer.since > kSilenceMax) {
        return base::fail(base::Errc::kTimeout, "an explorer says nothing any more; see {}",
                          explorer.log.string());
      }
      if (polled[i].revents == 0) continue;
      const base::Status listened = listen(explorer);
      for (std::size_t end = 0; (end = explorer.heard.find('\n')) != std::string::npos;) {
        std::string line = explorer.heard.substr(0, end);
        explorer.heard.erase(0, end + 1);
        if (line.starts_with('!')) {
          return base::fail(base::Errc::kUnavailable, "{}", line.substr(1));
        }
        lines.emplace_back(&explorer, std::move(line));
      }
      if (!listened && lines.empty()) return std::unexpected(listened.error());
    }
  }
  return lines;
}

base::Status Team::run(const Next& next, const Done& done) {
  bool stopped = false;
  while (true) {
    bool busy = false;
    for (const auto& explorer : explorers_) {
      if (!explorer->plan && !stopped) {
        if (std::optional<SchedulePlan> plan = next()) {
          if (base::Status given = give(*explorer, std::move(*plan)); !given) return given;
        }
      }
      busy = busy || explorer->plan.has_value();
    }
    if (!busy) return {};
    const auto heard = hear();
    if (!heard) return std::unexpected(heard.error());
    for (const auto& [explorer, line] : *heard) {
      base::Result<ScheduleResult> result = decode_result(line);
      if (!result) return std::unexpected(result.error());
      const SchedulePlan plan = *std::exchange(explorer->plan, std::nullopt);
      if (!stopped && !done(plan, std::move(*result))) stopped = true;
    }
  }
}

base::Result<std::vector<std::optional<ScheduleResult>>> Team::run_all(
    const std::vector<SchedulePlan>& plans,
    const std::function<bool(const ScheduleResult&)>& enough) {
  std::vector<std::optional<ScheduleResult>> results(plans.size());
  std::size_t at = 0;
  const auto next = [&]() -> std::optional<SchedulePlan> {
    if (at == plans.size()) return std::nullopt;
    SchedulePlan plan = plans[at];
    plan.id = at++;
    return plan;
  };
  const auto done = [&](const SchedulePlan& plan, ScheduleResult result) {
    const bool go_on = !enough(result);
    results[plan.id] = std::move(result);
    return go_on;
  };
  if (base::Status ran = run(next, done); !ran) return std::unexpected(ran.error());
  return results;
}

}  // namespace stress
