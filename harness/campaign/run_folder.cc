#include "harness/campaign/run_folder.h"

#include <stdlib.h>

#include <cstdlib>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "orchestrator/base/clock.h"

namespace stress {
namespace fs = std::filesystem;

namespace {

std::string variable(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return fmt::format("{}={}", name, value != nullptr ? value : fallback);
}

/// Another run may begin in the same second: the first free name.
base::Result<fs::path> fresh_folder(const fs::path& out, const std::string& name) {
  const std::string stem = fmt::format("{}-{}", base::to_compact(base::wall_now()), name);
  for (int i = 1; i < 1000; ++i) {
    const fs::path folder = out / (i == 1 ? stem : fmt::format("{}-{}", stem, i));
    std::error_code error;
    if (fs::create_directory(folder, error)) return fs::canonical(folder);
    if (error) return base::fail_errno(error.value(), "create the results folder", folder);
  }
  return base::fail(base::Errc::kIo, "{}: no free name for {}", out.string(), stem);
}

/// `results` lies in a folder of the user's, often in his repository, which git would find.
std::vector<std::string> sealed(const fs::path& results, const fs::path& home, const fs::path& tmp,
                                const fs::path& runtime, const std::string& token) {
  return {variable("PATH", "/usr/bin:/bin"),
          variable("LANG", "C.UTF-8"),
          "TERM=xterm",
          "SHELL=/bin/sh",
          "HOME=" + home.string(),
          "XDG_CONFIG_HOME=" + home.string() + "/.config",
          "XDG_CACHE_HOME=" + home.string() + "/.cache",
          "XDG_DATA_HOME=" + home.string() + "/.local/share",
          "XDG_STATE_HOME=" + home.string() + "/.local/state",
          "XDG_RUNTIME_DIR=" + runtime.string(),
          "TMPDIR=" + tmp.string(),
          "TMUX_TMPDIR=" + runtime.string(),
          "GIT_CEILING_DIRECTORIES=" + results.string(),
          token};
}

/// Atomically; a reader never finds it missing.
void point_latest(const fs::path& out, const fs::path& results) {
  std::error_code ignored;
  const fs::path temporary = out / fmt::format(".latest-{}", results.filename().string());
  fs::create_directory_symlink(results.filename(), temporary, ignored);
  fs::rename(temporary, out / "latest", ignored);
}

}  // namespace

base::Result<fs::path> make_results_folder(const fs::path& out, const std::string& name) {
  std::error_code error;
  fs::create_directories(out, error);
  if (error) return base::fail_errno(error.value(), "create the results folder", out);
  base::Result<fs::path> results = fresh_folder(out, name);
  if (results) point_latest(out, *results);
  return results;
}

base::Result<RunFolder> RunFolder::create(const fs::path& out, const std::string& name) {
  const base::Result<fs::path> results = make_results_folder(out, name);
  if (!results) return std::unexpected(results.error());
  return create_in(*results);
}

base::Result<RunFolder> RunFolder::create_in(const fs::path& results) {
  RunFolder folder;
  folder.results_ = results;
  std::error_code error;
  fs::create_directories(results, error);
  if (error) return base::fail_errno(error.value(), "create the results folder", results);
  for (const char* part : {"history-parts", "logs", "home", "tmp"}) {
    fs::create_directory(folder.results_ / part, error);
    if (error) return base::fail_errno(error.value(), "create", folder.results_ / part);
  }
  std::string pattern = "/tmp/ss-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) return base::fail_errno(errno, "create", pattern);
  folder.temporary_ = pattern;
  return folder;
}

RunFolder::RunFolder(RunFolder&& other) noexcept
    : results_(std::move(other.results_)), temporary_(std::exchange(other.temporary_, {})) {}

RunFolder::~RunFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

RunPlace RunFolder::place(const std::string& sessions, const std::string& token) const {
  RunPlace place;
  place.workspace = workspace();
  place.agent_log = results_ / "agents.jsonl";
  place.tmux_socket = temporary_ / "tmux";
  place.sessions = sessions;
  place.scratch = temporary_;
  place.env = sealed(results_, results_ / "home", results_ / "tmp", temporary_, token);
  return place;
}

base::Result<RunPlace> RunFolder::second_place(const RunPlace& first, bool apart) const {
  RunPlace place = first;
  place.workspace = results_ / "canary-workspace";
  place.agent_log = results_ / "canary-agents.jsonl";
  if (!apart) return place;
  place.scratch = temporary_ / "canary";
  place.tmux_socket = place.scratch / "tmux";
  const fs::path home = place.scratch / "home";
  const fs::path tmp = place.scratch / "tmp";
  std::error_code error;
  for (const fs::path& folder : {home, tmp}) {
    fs::create_directories(folder, error);
    if (error) return base::fail_errno(error.value(), "create", folder);
  }
  place.env = sealed(results_, home, tmp, place.scratch, first.env.back());
  return place;
}

}  // namespace stress
