#include "harness/schedule/call_words.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>

#include <optional>
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

/// nullopt: it is elsewhere.
std::optional<std::string> below(const std::string& path,
                                 const std::vector<std::filesystem::path>& watched) {
  for (const std::filesystem::path& folder : watched) {
    if (path == folder.native()) return ".";
    if (is_watched(path, {folder})) return path.substr(folder.native().size() + 1);
  }
  return std::nullopt;
}

/// A server that a name was given for (tmux -L) has its socket in the folder tmux-USER.
std::string server_at(const std::string& path, const std::filesystem::path& tmux_socket) {
  if (path == tmux_socket.native()) return "the tmux server";
  const std::filesystem::path socket(path);
  const bool named = socket.parent_path().filename().native().starts_with("tmux-");
  return named ? "the tmux server " + socket.filename().string() : path;
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

CallWords words_of(const Op& op, const std::vector<std::filesystem::path>& watched,
                   const std::filesystem::path& tmux_socket) {
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
  const auto in_key = [&watched](const std::string& name) {
    return mask_random_parts(
        below(name, watched).value_or(std::filesystem::path(name).filename().string()));
  };
  const std::optional<std::string> near = below(path, watched);
  call.file = near ? *near : op.sys == Sys::kConnect ? server_at(path, tmux_socket) : path;
  const std::string verb = verb_of(op);
  call.key = fmt::format("{} {}", verb, in_key(path));
  call.words = fmt::format("{} {}", verb, call.file);
  if (op.sys == Sys::kWrite) {
    call.words = fmt::format("write {} bytes to {}", op.bytes, call.file);
  }
  if (op.sys == Sys::kRename || op.sys == Sys::kLink) {
    call.file2 = below(op.path2, watched).value_or(op.path2);
    call.key += " -> " + in_key(op.path2);
    call.words += " -> " + call.file2;
  }
  if (deleted) {
    call.key += ", replaced";
    call.words += ", which is no longer the file of that name";
  }
  return call;
}

CallWords words_of_life(std::string_view whose) {
  CallWords call;
  call.key = call.words = fmt::format("look whether {} lives", whose);
  call.kind = to_string(Sys::kLook);
  return call;
}

}  // namespace stress
