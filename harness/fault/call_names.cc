#include "harness/fault/call_names.h"

#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "harness/fault/crash_point.h"
#include "harness/supervise/random_parts.h"

namespace stress {
namespace {

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string_view verb(const Op& op) {
  switch (op.sys) {
    case Sys::kOpen:
      return (op.flags & O_CREAT) != 0 ? "create" : "open";
    case Sys::kWrite:
      return "write to";
    case Sys::kSync:
      return op.folder ? "fsync folder" : "fsync";
    case Sys::kFolder:
      return op.name == "rmdir" ? "rmdir" : "mkdir";
    case Sys::kConnect:
      return "connect to";
    case Sys::kSend:
      return "send to a";
    default:
      return to_string(op.sys);
  }
}

}  // namespace

CallNames::Place CallNames::place(const std::string& path) const {
  std::string words;
  const auto folder = std::ranges::find_if(
      folders_, [&](const std::filesystem::path& watched) { return is_watched(path, {watched}); });
  if (folder == folders_.end()) {
    words = mask_random_parts(base_name(path));
  } else if (path == folder->native()) {
    words = ".";
  } else {
    words = mask_random_parts(path.substr(folder->native().size() + 1));
  }
  const auto known = new_files_.find(path);
  return {known == new_files_.end() ? words : known->second, words};
}

CallNames::Place CallNames::note_new_file(const Op& op) {
  const std::string words = place(op.path).words;
  const std::string key = fmt::format("new file {}", new_files_.size() + 1);
  new_files_.try_emplace(op.path, key);
  return {new_files_[op.path], words};
}

CallNames::Name CallNames::name(const Op& op, bool reply, bool by_victim) {
  Name name;
  const auto add = [&name](const std::string& text) {
    name.key += text;
    name.words += text;
  };
  const auto add_place = [&name](const Place& place) {
    name.key += place.key;
    name.words += place.words;
  };
  const auto program = programs_.find(op.pid);
  if (program != programs_.end() && !by_victim) add(program->second + ": ");
  switch (op.sys) {
    case Sys::kOpen: {
      constexpr int kExclusive = O_CREAT | O_EXCL;
      add(fmt::format("{} ", verb(op)));
      add_place((op.flags & kExclusive) == kExclusive ? note_new_file(op) : place(op.path));
      break;
    }
    case Sys::kWrite:
      if (reply) {
        add(std::string(kReplyKey));
      } else if (is_output(op)) {
        add(op.fd == 1 ? "write to stdout" : op.fd == 2 ? "write to stderr" : "write to a pipe");
      } else {
        add("write to ");
        add_place(place(op.path));
      }
      break;
    case Sys::kRename:
    case Sys::kLink:
      add(fmt::format("{} ", verb(op)));
      add_place(place(op.path));
      add(" -> ");
      add_place(place(op.path2));
      break;
    case Sys::kExec:
      add("exec ");
      add(base_name(op.path));
      programs_[op.pid] = base_name(op.path);
      break;
    case Sys::kSend:
      add("send to a socket");
      break;
    case Sys::kSignal:
      add(fmt::format("send SIG{}", sigabbrev_np(op.flags) != nullptr ? sigabbrev_np(op.flags)
                                                                      : std::to_string(op.flags)));
      break;
    case Sys::kExit:
      add("exit");
      break;
    default:
      add(fmt::format("{} ", verb(op)));
      add_place(place(op.path));
  }
  return name;
}

}  // namespace stress
