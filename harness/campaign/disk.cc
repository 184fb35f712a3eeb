#include "harness/campaign/disk.h"

#include <sys/mount.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "harness/supervise/room.h"

namespace stress {
namespace fs = std::filesystem;

namespace {

/// More than any target needs; it costs only what is on it.
constexpr std::uint64_t kRoomy = std::uint64_t{256} << 20U;

constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV;

/// Less than what is there is refused with EINVAL.
int limit(const fs::path& folder, std::uint64_t bytes) {
  const std::string options = fmt::format("size={}", bytes);
  return ::mount("tmpfs", folder.c_str(), nullptr, MS_REMOUNT | kFlags, options.c_str()) == 0
             ? 0
             : errno;
}

/// One file, folder or link; what is none of them lives with its process.
void copy_one(const fs::directory_entry& entry, const fs::path& to, std::error_code& error) {
  switch (entry.symlink_status(error).type()) {
    case fs::file_type::directory:
      fs::create_directory(to, entry.path(), error);
      break;
    case fs::file_type::symlink:
      fs::copy_symlink(entry.path(), to, error);
      break;
    case fs::file_type::regular:
      fs::copy_file(entry.path(), to, error);
      break;
    default:
      break;
  }
}

/// `to` is made. Goes on past what cannot be copied, and tells of the first such.
base::Status copy_tree(const fs::path& from, const fs::path& to) {
  base::Status status;
  const auto note = [&](const std::error_code& error, const fs::path& path) {
    if (error && status) status = base::fail_errno(error.value(), "keep", path);
  };
  std::error_code walk;
  fs::create_directory(to, from, walk);
  note(walk, to);
  for (auto entry = fs::recursive_directory_iterator(from, walk);
       !walk && entry != fs::recursive_directory_iterator(); entry.increment(walk)) {
    std::error_code error;
    copy_one(*entry, to / entry->path().lexically_relative(from), error);
    note(error, entry->path());
  }
  note(walk, from);
  return status;
}

}  // namespace

base::Result<Disk> Disk::mount(const fs::path& folder) {
  if (!in_room()) {
    return base::fail(base::Errc::kUnavailable,
                      "{}: a disk is mounted in a mount namespace of the run's own only",
                      folder.string());
  }
  std::error_code error;
  fs::create_directory(folder, error);
  if (error) return base::fail_errno(error.value(), "create", folder);
  const std::string options = fmt::format("size={},mode=0755", kRoomy);
  if (::mount("tmpfs", folder.c_str(), "tmpfs", kFlags, options.c_str()) != 0) {
    return base::fail_errno(errno, "mount a tmpfs on", folder);
  }
  return Disk(folder);
}

base::Status Disk::fill(std::uint64_t left) const {
  // Others write meanwhile: what they have taken since the look, there must be room for.
  for (int attempt = 0;; ++attempt) {
    struct statvfs now{};
    if (::statvfs(folder_.c_str(), &now) != 0) return base::fail_errno(errno, "look at", folder_);
    const std::uint64_t page = now.f_frsize;
    const std::uint64_t used = (now.f_blocks - now.f_bfree) * page;
    // A size of 0 would be none at all.
    const int error = limit(folder_, std::max(used + left, page));
    if (error == 0) return {};
    constexpr int kAttemptsMax = 100;
    if (error != EINVAL || attempt == kAttemptsMax) return base::fail_errno(error, "fill", folder_);
  }
}

base::Status Disk::empty() const {
  const int error = limit(folder_, kRoomy);
  if (error != 0) return base::fail_errno(error, "make room on", folder_);
  return {};
}

base::Status Disk::bring_home() {
  if (folder_.empty()) return {};
  const fs::path folder = std::exchange(folder_, {});
  fs::path copy = folder;
  copy += ".kept";
  base::Status kept = copy_tree(folder, copy);
  std::error_code error;
  if (::umount2(folder.c_str(), MNT_DETACH) != 0) {
    return base::fail_errno(errno, "unmount", folder);
  }
  fs::remove(folder, error);
  if (!error) fs::rename(copy, folder, error);
  if (error && kept) return base::fail_errno(error.value(), "keep", folder);
  return kept;
}

}  // namespace stress
