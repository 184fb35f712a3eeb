#include "harness/schedule/access.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "harness/schedule/lives.h"

namespace stress {
namespace {

constexpr std::string_view kSignals = "signals";

std::uint64_t object(std::string_view kind, std::string_view name) {
  return std::hash<std::string>{}(fmt::format("{}:{}", kind, name));
}

/// Of a file that is there.
struct File {
  struct stat about{};
  /// Tells it from those that had the number of its inode before; 0 where the file system does not.
  std::uint64_t generation = 0;
};

std::uint64_t object(std::string_view kind, const File& file) {
  return object(kind,
                fmt::format("{}:{}:{}", file.about.st_dev, file.about.st_ino, file.generation));
}

/// A handle is the number of the inode and its generation (name_to_handle_at(2)).
std::uint64_t generation_at(const std::string& path) {
  alignas(file_handle) std::array<unsigned char, sizeof(file_handle) + MAX_HANDLE_SZ> buffer{};
  auto* handle = reinterpret_cast<file_handle*>(buffer.data());
  handle->handle_bytes = MAX_HANDLE_SZ;
  int mount = 0;
  if (::name_to_handle_at(AT_FDCWD, path.c_str(), handle, &mount, AT_SYMLINK_FOLLOW) != 0) {
    return 0;
  }
  const auto* bytes = reinterpret_cast<const char*>(buffer.data()) + sizeof(file_handle);
  return std::hash<std::string_view>{}({bytes, handle->handle_bytes});
}

std::string folder_of(const std::string& path) {
  return path.substr(0, std::max<std::size_t>(1, path.rfind('/')));
}

std::optional<File> file_at(const std::string& path) {
  File file;
  if (::stat(path.c_str(), &file.about) != 0) return std::nullopt;
  file.generation = generation_at(path);
  return file;
}

/// Of the file behind a task's descriptor, or by its name.
std::optional<File> file_of(const Op& op) {
  return file_at(op.fd >= 0 ? fmt::format("/proc/{}/fd/{}", op.tid, op.fd) : op.path);
}

/// Of what sendfile and its like copy from.
std::optional<File> source_of(const Op& op) {
  if (op.number != SYS_sendfile && op.number != SYS_splice && op.number != SYS_copy_file_range) {
    return std::nullopt;
  }
  const std::uint64_t fd = op.arguments[op.number == SYS_sendfile ? 1 : 0];
  return file_at(fmt::format("/proc/{}/fd/{}", op.tid, fd));
}

class Accesses {
 public:
  void add(std::uint64_t what, Touch touch) { all_.push_back({what, touch}); }
  void add(std::uint64_t what, bool writes) { add(what, writes ? Touch::kChanges : Touch::kLooks); }
  /// A folder that is made, moved or closed to others changes what all names below it mean. Names
  /// come and go in any order but for whoever lists them.
  void name(const std::string& path, bool writes) {
    add(object("name", path), writes);
    if (writes) add(object("names in", folder_of(path)), Touch::kAdds);
    for (std::string folder = folder_of(path); folder.size() > 1; folder = folder_of(folder)) {
      add(object("name", folder), false);
    }
  }
  void content(const std::optional<File>& file, bool writes) {
    if (file) add(object("content", *file), writes);
  }
  /// What stands in its inode: how many names it has, its mode.
  void about(const std::optional<File>& file, bool writes) {
    if (file) add(object("about", *file), writes);
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
  const std::optional<File> file = file_at(op.path);
  accesses.name(op.path, (op.flags & O_CREAT) != 0 && !file);
  accesses.about(file, false);
  if ((op.flags & O_TRUNC) != 0) accesses.content(file, true);
}

void add_look(Accesses& accesses, const Op& op) {
  if (op.folder) return accesses.add(object("names in", op.path), false);
  if (op.fd < 0) accesses.name(op.path, false);
  const std::optional<File> file = file_of(op);
  accesses.content(file, false);
  accesses.about(file, false);
}

void add_mode(Accesses& accesses, const Op& op) {
  if (op.fd < 0) accesses.name(op.path, false);
  const std::optional<File> file = file_of(op);
  accesses.about(file, true);
  if (file && S_ISDIR(file->about.st_mode)) accesses.name(op.path, true);
}

void add_folder(Accesses& accesses, const Op& op) {
  accesses.name(op.path, true);
  accesses.add(object("names in", op.path), false);  // it must be empty to be removed
}

/// Each file loses or gets a name.
void add_names(Accesses& accesses, const Op& op) {
  accesses.name(op.path, op.sys != Sys::kLink);
  accesses.about(file_at(op.path), true);
  if (op.sys == Sys::kUnlink) return;
  accesses.name(op.path2, true);
  accesses.about(file_at(op.path2), true);
}

}  // namespace

std::uint64_t lock_object(const Op& op) {
  const auto file = file_of(op);
  return file ? lock_object(LockKey{file->about.st_dev, file->about.st_ino})
              : object("lock", op.path);
}

std::uint64_t lock_object(const LockKey& file) {
  return object("lock", fmt::format("{}:{}", file.dev, file.ino));
}

Access memory_of(pid_t pid) { return {object("memory", fmt::format("{}", pid)), Touch::kChanges}; }

Access life_of(pid_t pid, Touch touch) { return {object("life", fmt::format("{}", pid)), touch}; }

Access sharers_of(std::string_view operation, Touch touch) {
  return {object("sharers", operation), touch};
}

Access all_programs(Touch touch) { return {object("", "programs"), touch}; }

std::vector<Access> accesses_of(const Op& op) {
  if (const auto whose = asked_about(op)) return {life_of(*whose, Touch::kLooks)};
  Accesses accesses;
  switch (op.sys) {
    case Sys::kOpen:
      add_open(accesses, op);
      break;
    case Sys::kRead:
      accesses.content(file_of(op), false);
      break;
    case Sys::kLook:
      add_look(accesses, op);
      break;
    case Sys::kWrite:
    case Sys::kTruncate:
      if (op.fd < 0) accesses.name(op.path, false);
      accesses.content(file_of(op), true);
      accesses.content(source_of(op), false);
      break;
    case Sys::kMode:
      add_mode(accesses, op);
      break;
    case Sys::kRename:
    case Sys::kLink:
    case Sys::kUnlink:
      add_names(accesses, op);
      break;
    case Sys::kFolder:
      add_folder(accesses, op);
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
      return mine.object == theirs.object && conflict(mine.touch, theirs.touch);
    });
  });
}

bool leave_no_trace(const std::vector<Access>& accesses) {
  return std::ranges::all_of(accesses,
                             [](const Access& one) { return one.touch == Touch::kLooks; });
}

}  // namespace stress
