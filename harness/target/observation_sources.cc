#include "harness/target/observation_sources.h"

#include <glob.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "harness/target/command_reply.h"
#include "harness/target/faithful_json.h"
#include "orchestrator/base/file_io.h"
#include "orchestrator/base/file_lock.h"
#include "orchestrator/base/subprocess.h"

namespace stress {
namespace {

namespace fs = std::filesystem;

/// Of paths that a pattern names, sorted.
base::Result<std::vector<fs::path>> matches(const std::string& pattern) {
  glob_t found{};
  const int result = ::glob(pattern.c_str(), 0, nullptr, &found);
  std::vector<fs::path> paths(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (result == 0 || result == GLOB_NOMATCH) return paths;
  return base::fail_errno(result == GLOB_NOSPACE ? ENOMEM : EIO, "look for", pattern);
}

/// So that a path stands for itself in a pattern.
std::string as_pattern(std::string_view path) {
  std::string pattern;
  for (const char c : path) {
    if (std::string_view("*?[]\\").contains(c)) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

/// One JSON file an agent.
class FilesObserver final : public Observer {
 public:
  FilesObserver(ObservationMap map, std::string pattern)
      : Observer(std::move(map)), pattern_(std::move(pattern)) {}

  [[nodiscard]] Observation observe() const override {
    const auto paths = matches(pattern_);
    if (!paths) return unread(paths.error());
    std::string document = "[";
    for (const fs::path& path : *paths) {
      const auto bytes = base::read_file(path);
      if (!bytes && bytes.error().code == base::Errc::kNotFound) continue;
      if (!bytes) return unread(bytes.error());
      const FaithfulJson json = parse_faithfully(*bytes);
      if (!json.ok) {
        Observation damaged = Observer(map()).interpret(*bytes);
        damaged.error = fmt::format("{}: {}", path.string(), damaged.error);
        return damaged;
      }
      document += (document.size() == 1 ? "" : ",\n") + *bytes;
    }
    return interpret(document + "]");
  }

 private:
  std::string pattern_;
};

/// What a command of the target's prints.
class CommandObserver final : public Observer {
 public:
  CommandObserver(ObservationMap map, base::Command command)
      : Observer(std::move(map)), command_(std::move(command)) {}

  [[nodiscard]] Observation observe() const override {
    const auto outcome = base::run(command_);
    if (outcome && outcome->ok()) return interpret(outcome->out);
    Observation seen;
    if (!outcome) {
      seen.not_looked = true;
      seen.error = outcome.error().message;
    } else if (outcome->timed_out || outcome->signal != 0) {
      seen.not_looked = true;
      seen.error = outcome->timed_out ? fmt::format("{} did not end in time", command_.argv.front())
                                      : fmt::format("{} was ended by signal {}",
                                                    command_.argv.front(), outcome->signal);
    } else {
      seen.error = fmt::format("{} exits with {}: {}", command_.argv.front(), outcome->exit_code,
                               in_short(outcome->err));
    }
    return seen;
  }

 private:
  base::Command command_;
};

/// Another observer with the target's own lock held.
class LockedObserver final : public Observer {
 public:
  LockedObserver(std::unique_ptr<Observer> inner, fs::path lock)
      : Observer(inner->map()), inner_(std::move(inner)), lock_(std::move(lock)) {}

  [[nodiscard]] bool takes_lock() const override { return true; }
  [[nodiscard]] Observation observe() const override {
    constexpr std::chrono::seconds kPatience{30};
    auto held = base::FileLock::acquire_shared(lock_, kPatience);
    if (!held && held.error().code == base::Errc::kNotFound) {
      // Nobody has made it yet, so nobody writes under it; unless it came while we looked.
      Observation seen = inner_->observe();
      std::error_code error;
      if (!fs::exists(lock_, error)) return seen;
      held = base::FileLock::acquire_shared(lock_, kPatience);
    }
    if (!held) {
      Observation seen;
      seen.not_looked = true;
      seen.error = held.error().message;
      return seen;
    }
    return inner_->observe();
  }

 private:
  std::unique_ptr<Observer> inner_;
  fs::path lock_;
};

std::unique_ptr<Observer> make_unlocked(const TargetObservation& observe, const RunPlace& place,
                                        const Placeholders& values,
                                        std::chrono::milliseconds timeout) {
  ObservationMap map = observe.map;
  switch (observe.source) {
    case TargetObservation::Source::kFile:
      map.file = expand(observe.path, values);
      break;
    case TargetObservation::Source::kFiles: {
      Placeholders literal = values;
      for (auto& [name, value] : literal) value = as_pattern(value);
      return std::make_unique<FilesObserver>(std::move(map), expand(observe.path, literal));
    }
    case TargetObservation::Source::kCommand: {
      base::Command command;
      command.argv = expand(observe.argv, values);
      command.env = place.env;
      command.cwd = place.workspace;
      command.timeout = timeout;
      command.output_bytes_max = std::size_t{256} << 20;
      return std::make_unique<CommandObserver>(std::move(map), std::move(command));
    }
    case TargetObservation::Source::kDatabase:
      return make_database_observer(std::move(map), expand(observe.path, values),
                                    observe.agents_query, observe.counts_query, place.scratch);
  }
  return std::make_unique<Observer>(std::move(map));
}

}  // namespace

std::unique_ptr<Observer> make_observer(const TargetObservation& observe, const RunPlace& place,
                                        const Placeholders& values,
                                        std::chrono::milliseconds timeout) {
  std::unique_ptr<Observer> observer = make_unlocked(observe, place, values, timeout);
  if (observe.reading != TargetObservation::Reading::kLocked) return observer;
  return std::make_unique<LockedObserver>(std::move(observer), expand(observe.lock, values));
}

}  // namespace stress
