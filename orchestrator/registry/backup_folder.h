#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/registry/snapshot.h"

namespace orc {

/// backups/: hard links to the present generation and to those before it, named by generation
/// (`registry-<12 digits>.json`), and quarantine/: what was found damaged, under names of its own.
/// Nothing here is needed while registry.json is sound, so the links are not synced one by one.
/// Thread-safety: changes only under the registry's lock; the others at any time.
class BackupFolder {
 public:
  struct File {
    std::string name;
    std::uint64_t generation = 0;
  };
  struct Good {
    File file;
    std::unique_ptr<Snapshot> snapshot;
    std::vector<std::string> bad;  ///< newer ones, which are damaged
  };

  /// Both folders lie in the workspace.
  explicit BackupFolder(const std::filesystem::path& workspace);

  [[nodiscard]] std::filesystem::path path_of(const std::string& name) const;
  /// Newest first; empty where there is no folder.
  [[nodiscard]] std::vector<File> list() const;
  /// Errors: kDamaged, kInvalid (another format), kIo.
  [[nodiscard]] base::Result<std::unique_ptr<Snapshot>> open(const File& file) const;
  /// The newest that can be read and whose checksum holds.
  [[nodiscard]] std::optional<Good> newest_good() const;
  /// Whether anything was ever kept or set aside here.
  [[nodiscard]] bool used() const;

  /// Whether the file that `registry` tells about is kept under this generation's name.
  [[nodiscard]] bool keeps(const struct stat& registry, std::uint64_t generation) const;
  /// Keeps `registry` under this generation's name; a stale file of that name (a power loss took
  /// its generation back) gives way. Errors: kIo.
  base::Status keep(const std::filesystem::path& registry, std::uint64_t generation) const;
  /// Removes all but `generation`, the newest, and `count` before it. Failures are left to the next
  /// time. Needs no lock: it never touches what a younger generation keeps.
  void drop_older(std::uint64_t generation, std::uint64_t count) const;

  /// Links `file` into the quarantine, durably, before something else takes its name. A file that
  /// is gone is success. Errors: kIo.
  base::Status set_aside(const std::filesystem::path& file) const;
  /// Moves damaged backups into the quarantine, so that they do not push good ones out. Failures
  /// are left to the next restore.
  void set_aside_backups(const std::vector<std::string>& names) const;

 private:
  std::filesystem::path folder_;
  std::filesystem::path quarantine_;
};

}  // namespace orc
