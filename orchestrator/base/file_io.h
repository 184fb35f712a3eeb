#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "orchestrator/base/error.h"

namespace base {

/// The whole file by one open; `status` tells about the file that was read, where asked for.
/// Errors: kNotFound, kIo.
Result<std::string> read_file(const std::filesystem::path& path, struct stat* status = nullptr);

/// Puts `content` at `path` so that a crash at any moment leaves the old file or the new one, and
/// after return only the new one, power loss included: unique temporary file beside it
/// (`<name>.tmp-<random>`), one write, fsync, rename, fsync of the folder. The temporary file is
/// removed on each failure path. `mode` is exact (no umask).
/// Errors: kIo; the old file then stands untouched.
Status replace_file(const std::filesystem::path& path, std::string_view content,
                    mode_t mode = 0600);

/// The same in steps: the destructor rolls back what was not published.
class [[nodiscard]] PendingFile {
 public:
  static Result<PendingFile> write(const std::filesystem::path& path, std::string_view content,
                                   mode_t mode = 0600);
  /// The pieces one after the other.
  static Result<PendingFile> write(const std::filesystem::path& path,
                                   std::span<const std::string_view> pieces, mode_t mode = 0600);
  PendingFile(PendingFile&& other) noexcept;
  PendingFile& operator=(PendingFile&&) = delete;
  ~PendingFile();
  /// Renames it over the path: visible from now on, durable only after sync_folder(). Errors: kIo.
  Status publish();
  /// publish(), then fsync of the folder. Errors: kIo; when only the last fsync failed the new file
  /// is visible but perhaps not durable, and the message says so.
  Status commit();

 private:
  PendingFile(std::filesystem::path temporary, std::filesystem::path path);
  std::filesystem::path temporary_;
  std::filesystem::path path_;
};

/// fsync of a folder, so that its entries survive a power loss. Errors: kIo.
Status sync_folder(const std::filesystem::path& folder);

}  // namespace base
