#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/target/target.h"
#include "orchestrator/base/error.h"

namespace stress {

/// Makes `<out>/<time>-<name>/` and points `<out>/latest` at it. Errors: kIo, naming the folder.
base::Result<std::filesystem::path> make_results_folder(const std::filesystem::path& out,
                                                        const std::string& name);

/// The folders of one run: results (kept) and a short temporary one for sockets (removed).
class RunFolder {
 public:
  /// In make_results_folder(). Errors: kIo, naming the folder.
  static base::Result<RunFolder> create(const std::filesystem::path& out, const std::string& name);
  /// In `results`, an absolute path, which is made where it is not there. Errors: kIo.
  static base::Result<RunFolder> create_in(const std::filesystem::path& results);
  RunFolder(RunFolder&& other) noexcept;
  RunFolder& operator=(RunFolder&&) = delete;
  ~RunFolder();

  [[nodiscard]] const std::filesystem::path& results() const { return results_; }
  [[nodiscard]] std::filesystem::path workspace() const { return results_ / "workspace"; }
  [[nodiscard]] std::filesystem::path history_parts() const { return results_ / "history-parts"; }
  [[nodiscard]] std::filesystem::path logs() const { return results_ / "logs"; }
  /// /tmp/ss-XXXXXX: a socket's path ends at 107 bytes, so it cannot lie in the results.
  [[nodiscard]] const std::filesystem::path& temporary() const { return temporary_; }

  /// The place of the target, with a sealed environment: HOME, XDG_*, TMPDIR and TMUX_TMPDIR lie
  /// inside the run, TMUX is unset, and nothing else of the caller's comes through but PATH, LANG
  /// and `token` (see Group::environment).
  [[nodiscard]] RunPlace place(const std::string& sessions, const std::string& token) const;
  /// One for the same target once more, beside `first`. `apart`: with a home, a tmux server and
  /// temporary files of its own, as nothing else tells the two of them apart. Errors: kIo.
  [[nodiscard]] base::Result<RunPlace> second_place(const RunPlace& first, bool apart) const;

 private:
  RunFolder() = default;
  std::filesystem::path results_;
  std::filesystem::path temporary_;
};

}  // namespace stress
