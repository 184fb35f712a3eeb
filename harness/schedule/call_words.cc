#include "harness/schedule/call_words.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "harness/supervise/random_parts.h"
#include "harness/supervise/watched.h"

namespace stress {
namespace {

constexpr std::string_view kDeleted = " (deleted)";

/// A file that was unlinked or replaced while it was open.
bool cut_deleted(std::string& path) {
  if (!path.ends_with(kDeleted)) return false;
  path.resize(path.size() - kDeleted.size());
  return true;
}

std::string below(const std::string& path, const std::vector<std::filesystem::path>& watched) {
  for (const std::filesystem::path& folder : watched) {
    if (path == folder.native()) return ".";
    if (is_watched(path, {folder})) return path.substr(folder.native().size() + 1);
  }
  return path.substr(path.rfind('/') + 1);
}

std::string_view opening(int flags) {
  if ((flags & O_CREAT) != 0) return (flags & O_EXCL) != 0 ? "create" : "open or create";
  if ((flags & O_ACCMODE) == O_RDONLY) return "open for reading";
  return (flags & O_TRUNC) != 0 ? "open and empty" : "open for writing";
}

std::string signal_name(int number) {
  const char* name = sigabbrev_np(number);
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", number);
}

std::string verb_of(const Op& op) {
  switch (op.sys) {
    case Sys::kOpen:
      return std::string(opening(op.flags));
    case Sys::kRead:
      return "read";
    case Sys::kLook:
      return op.folder ? "list the names in" : "look at";
    case Sys::kWrite:
      return "write to";
    case Sys::kFolder:
      return op.name == "rmdir" ? "remove the folder" : "make the folder";
    case Sys::kUnlink:
      return "delete";
    case Sys::kTruncate:
      return "cut";
    case Sys::kMode:
      return "change the mode of";
    case Sys::kLock:
      return "lock";
    case Sys::kUnlock:
      return "unlock";
    case Sys::kConnect:
      return "connect to";
    default:
      return std::string(to_string(op.sys));
  }
}

}  // namespace

CallWords words_of(const Op& op, const std::vector<std::filesystem::path>& watched) {
  CallWords call;
  call.kind = to_string(op.sys);
  if (op.sys == Sys::kSleep) {
    call.key = call.words = "sleep";
    return call;
  }
  if (op.sys == Sys::kSignal) {
    call.key = call.words = "send " + signal_name(op.flags);
    return call;
  }
  std::string path = op.path;
  const bool deleted = op.fd >= 0 && cut_deleted(path);
  call.file = below(path, watched);
  const std::string verb = verb_of(op);
  call.key = fmt::format("{} {}", verb, mask_random_parts(call.file));
  call.words = fmt::format("{} {}", verb, call.file);
  if (op.sys == Sys::kWrite) {
    call.words = fmt::format("write {} bytes to {}", op.bytes, call.file);
  }
  if (op.sys == Sys::kRename || op.sys == Sys::kLink) {
    call.file2 = below(op.path2, watched);
    call.key += " -> " + mask_random_parts(call.file2);
    call.words += " -> " + call.file2;
  }
  if (deleted) {
    call.key += ", replaced";
    call.words += ", which is no longer the file of that name";
  }
  return call;
}

}  // namespace stress
