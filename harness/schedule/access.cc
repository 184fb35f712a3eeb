#include "harness/schedule/access.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace stress {
namespace {

constexpr std::string_view kSignals = "signals";

std::uint64_t object(std::string_view kind, std::string_view name) {
  return std::hash<std::string>{}(fmt::format("{}:{}", kind, name));
}

std::uint64_t inode_object(std::string_view kind, const struct stat& file) {
  return object(kind, fmt::format("{}:{}", file.st_dev, file.st_ino));
}

std::string folder_of(const std::string& path) {
  return path.substr(0, std::max<std::size_t>(1, path.rfind('/')));
}

/// Of the file behind a task's descriptor, or by its name.
std::optional<struct stat> file_of(const Op& op) {
  struct stat file{};
  const std::string by_fd = fmt::format("/proc/{}/fd/{}", op.tid, op.fd);
  const std::string& path = op.fd >= 0 ? by_fd : op.path;
  if (::stat(path.c_str(), &file) != 0) return std::nullopt;
  return file;
}

class Accesses {
 public:
  void add(std::uint64_t what, bool writes) { all_.push_back({what, writes}); }
  void name(const std::string& path, bool writes) {
    add(object("name", path), writes);
    if (writes) add(object("names in", folder_of(path)), true);
  }
  void content(const Op& op, bool writes) {
    if (const auto file = file_of(op)) add(inode_object("content", *file), writes);
  }
  std::vector<Access> take() {
    std::ranges::sort(all_);
    all_.erase(std::ranges::unique(all_).begin(), all_.end());
    return std::move(all_);
  }

 private:
  std::vector<Access> all_;
};

void add_open(Accesses& accesses, const Op& op) {
  struct stat file{};
  const bool exists = ::stat(op.path.c_str(), &file) == 0;
  const bool makes = (op.flags & O_CREAT) != 0 && !exists;
  accesses.name(op.path, makes);
  if (exists && (op.flags & O_TRUNC) != 0) accesses.add(inode_object("content", file), true);
}

}  // namespace

std::uint64_t lock_object(const Op& op) {
  const auto file = file_of(op);
  return file ? inode_object("lock", *file) : object("lock", op.path);
}

std::vector<Access> accesses_of(const Op& op) {
  Accesses accesses;
  switch (op.sys) {
    case Sys::kOpen:
      add_open(accesses, op);
      break;
    case Sys::kRead:
      accesses.content(op, false);
      break;
    case Sys::kLook:
      if (op.folder) {
        accesses.add(object("names in", op.path), false);
      } else {
        if (op.fd < 0) accesses.name(op.path, false);
        accesses.content(op, false);
      }
      break;
    case Sys::kWrite:
    case Sys::kTruncate:
    case Sys::kMode:
      if (op.fd < 0) accesses.name(op.path, false);
      accesses.content(op, true);
      break;
    case Sys::kRename:
      accesses.name(op.path, true);
      accesses.name(op.path2, true);
      break;
    case Sys::kLink:
      accesses.name(op.path, false);
      accesses.name(op.path2, true);
      break;
    case Sys::kUnlink:
    case Sys::kFolder:
      accesses.name(op.path, true);
      break;
    case Sys::kLock:
    case Sys::kUnlock:
      accesses.add(lock_object(op), true);
      break;
    case Sys::kConnect:
    case Sys::kSend:
      accesses.add(object("socket", op.path), true);
      break;
    case Sys::kSignal:
      accesses.add(object("", kSignals), true);
      break;
    default:
      break;
  }
  return accesses.take();
}

std::vector<Access> accesses_of_death(const std::vector<std::uint64_t>& locks) {
  Accesses accesses;
  for (const std::uint64_t lock : locks) accesses.add(lock, true);
  accesses.add(object("", kSignals), true);
  return accesses.take();
}

bool conflict(const std::vector<Access>& one, const std::vector<Access>& other) {
  return std::ranges::any_of(one, [&](const Access& mine) {
    return std::ranges::any_of(other, [&](const Access& theirs) {
      return mine.object == theirs.object && (mine.writes || theirs.writes);
    });
  });
}

}  // namespace stress
