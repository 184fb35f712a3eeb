#include "orchestrator/base/file_io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <utility>

#include <climits>

#include "orchestrator/base/random_id.h"
#include "orchestrator/base/unique_fd.h"

namespace base {
namespace {

constexpr std::size_t kReadBytes = 65'536;
/// A file in /proc is seldom longer; and what is freed at once should not go back to the kernel.
constexpr std::size_t kFirstReadBytes = 4'096;

int open_retrying(const std::filesystem::path& path, int flags, mode_t mode = 0) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

/// Reads up to `want` bytes behind the text. Returns what read(2) does.
ssize_t append_from(int fd, std::string& text, std::size_t want) {
  const std::size_t before = text.size();
  ssize_t got = 0;
  // Without this the memory would be zeroed before it is overwritten.
  text.resize_and_overwrite(before + want, [&](char* data, std::size_t) {
    do {
      got = ::read(fd, data + before, want);
    } while (got < 0 && errno == EINTR);
    return before + static_cast<std::size_t>(std::max<ssize_t>(got, 0));
  });
  return got;
}

/// Writes every piece, in as few calls as the kernel allows. Returns 0 or an errno.
int write_all(int fd, std::span<const std::string_view> pieces) {
  std::array<iovec, IOV_MAX> batch{};
  std::size_t offset = 0;  // into the first piece that is left
  while (!pieces.empty()) {
    std::size_t count = 0;
    std::size_t skip = offset;
    for (const std::string_view piece : pieces.first(std::min(pieces.size(), batch.size()))) {
      // writev(2) only reads from there.
      batch[count++] = {const_cast<char*>(piece.data()) + skip, piece.size() - skip};
      skip = 0;
    }
    const ssize_t wrote = count == 1 ? ::write(fd, batch[0].iov_base, batch[0].iov_len)
                                     : ::writev(fd, batch.data(), static_cast<int>(count));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno;
    std::size_t left = static_cast<std::size_t>(wrote) + offset;
    const bool stuck =
        wrote == 0 && !std::ranges::all_of(pieces.first(count), &std::string_view::empty);
    if (stuck) return EIO;
    while (!pieces.empty() && left >= pieces.front().size()) {
      left -= pieces.front().size();
      pieces = pieces.subspan(1);
    }
    offset = left;
  }
  return 0;
}

/// open(2) subtracts the umask. Returns 0 or an errno.
int set_exact_mode(int fd, mode_t mode) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return errno;
  if ((status.st_mode & 07777U) == mode) return 0;
  return ::fchmod(fd, mode) == 0 ? 0 : errno;
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

/// A full disk or a missing folder are troubles of the write, whatever their errno is called.
std::unexpected<Error> io_error(int error_number, std::string_view step,
                                const std::filesystem::path& path) {
  auto error = fail_errno(error_number, step, path);
  error.error().code = Errc::kIo;
  return error;
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, struct stat* status) {
  const UniqueFd fd(open_retrying(path, O_RDONLY));
  if (!fd.valid()) return fail_errno(errno, "open", path);
  struct stat own{};
  struct stat& file = status != nullptr ? *status : own;
  if (::fstat(fd.get(), &file) != 0) return fail_errno(errno, "stat", path);
  std::string text;
  // One byte more than it has: a read that is not filled tells the end of a regular file. Files in
  // /proc claim to be empty, and end where nothing more comes.
  const bool sized = file.st_size > 0;
  std::size_t want = sized ? static_cast<std::size_t>(file.st_size) + 1 : kFirstReadBytes;
  for (;;) {
    const ssize_t got = append_from(fd.get(), text, want);
    if (got < 0) return fail_errno(errno, "read", path);
    if (got == 0 || (sized && static_cast<std::size_t>(got) < want)) return text;
    want = kReadBytes;
  }
}

Status sync_folder(const std::filesystem::path& folder) {
  const UniqueFd fd(open_retrying(folder, O_RDONLY | O_DIRECTORY));
  if (!fd.valid()) return io_error(errno, "open", folder);
  if (::fsync(fd.get()) != 0) return io_error(errno, "fsync", folder);
  return {};
}

Status replace_file(const std::filesystem::path& path, std::string_view content, mode_t mode) {
  auto pending = PendingFile::write(path, content, mode);
  if (!pending) return std::unexpected(std::move(pending.error()));
  return pending->commit();
}

PendingFile::PendingFile(std::filesystem::path temporary, std::filesystem::path path)
    : temporary_(std::move(temporary)), path_(std::move(path)) {}

PendingFile::PendingFile(PendingFile&& other) noexcept
    : temporary_(std::exchange(other.temporary_, {})), path_(std::move(other.path_)) {}

PendingFile::~PendingFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<PendingFile> PendingFile::write(const std::filesystem::path& path, std::string_view content,
                                       mode_t mode) {
  return write(path, std::span(&content, 1), mode);
}

Result<PendingFile> PendingFile::write(const std::filesystem::path& path,
                                       std::span<const std::string_view> pieces, mode_t mode) {
  std::filesystem::path temporary = path;
  temporary += ".tmp-" + random_id();
  const UniqueFd fd(open_retrying(temporary, O_WRONLY | O_CREAT | O_EXCL, mode));
  if (!fd.valid()) return io_error(errno, "create", temporary);
  PendingFile pending(std::move(temporary), path);
  if (const int error = set_exact_mode(fd.get(), mode)) {
    return io_error(error, "set the mode of", pending.temporary_);
  }
  if (const int error = write_all(fd.get(), pieces)) {
    return io_error(error, "write", pending.temporary_);
  }
  if (::fsync(fd.get()) != 0) return io_error(errno, "fsync", pending.temporary_);
  return pending;
}

Status PendingFile::publish() {
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return io_error(errno, "rename a new version over", path_);
  }
  temporary_.clear();
  return {};
}

Status PendingFile::commit() {
  if (auto published = publish(); !published) return published;
  if (auto synced = sync_folder(folder_of(path_)); !synced) {
    return fail_from(std::move(synced.error()),
                     fmt::format("{} is replaced but perhaps not durably", path_.string()));
  }
  return {};
}

}  // namespace base
