#include "harness/fault/crash_point.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace stress {
namespace {

constexpr std::uint64_t kPage = 4096;

bool exists(const PointClass& cls) {
  if (cls.position == Position::kMid) return cls.kind == PointKind::kWrite;
  return cls.kind != PointKind::kExit || cls.position == Position::kBefore;
}

}  // namespace

bool is_output(const Op& op) {
  return op.sys == Sys::kWrite && (op.path.starts_with("pipe:") || op.fd == 1 || op.fd == 2);
}

std::string to_string(const PointClass& cls) {
  static constexpr std::array<std::string_view, kPointKinds> kKinds = {
      "write", "fsync",  "rename", "folder-fsync", "unlock",
      "exec",  "socket", "reply",  "output",       "exit"};
  static constexpr std::array<std::string_view, 3> kPositions = {"before", "mid", "after"};
  return fmt::format("{}-{}", kKinds.at(static_cast<std::size_t>(cls.kind)),
                     kPositions.at(static_cast<std::size_t>(cls.position)));
}

std::vector<std::string> all_point_classes() {
  std::vector<std::string> names;
  for (std::size_t kind = 0; kind < kPointKinds; ++kind) {
    for (const Position position : {Position::kBefore, Position::kMid, Position::kAfter}) {
      const PointClass cls{static_cast<PointKind>(kind), position};
      if (!exists(cls)) continue;
      names.push_back(to_string(cls));
    }
  }
  return names;
}

std::optional<PointClass> parse_point_class(std::string_view name) {
  for (std::size_t kind = 0; kind < kPointKinds; ++kind) {
    for (const Position position : {Position::kBefore, Position::kMid, Position::kAfter}) {
      const PointClass cls{static_cast<PointKind>(kind), position};
      if (exists(cls) && to_string(cls) == name) return cls;
    }
  }
  return std::nullopt;
}

std::optional<PointKind> PointClassifier::kind_of(const Op& op) const {
  if (commands && op.command == 0) return std::nullopt;
  const auto watches = [&](const std::string& path) { return is_watched(path, watched); };
  switch (op.sys) {
    case Sys::kWrite:
      if (is_watched(op.path, {history_folder})) return PointKind::kReply;
      if (watches(op.path)) return PointKind::kWrite;
      return commands && is_output(op) ? std::optional(PointKind::kOutput) : std::nullopt;
    case Sys::kSync:
      if (!watches(op.path)) return std::nullopt;
      return op.folder ? PointKind::kFolderSync : PointKind::kSync;
    case Sys::kRename:
      return watches(op.path2) ? std::optional(PointKind::kRename) : std::nullopt;
    case Sys::kUnlock:
      return watches(op.path) ? std::optional(PointKind::kUnlock) : std::nullopt;
    case Sys::kExec:
      return op.in_root ? std::nullopt : std::optional(PointKind::kExec);
    case Sys::kConnect:
      return op.path == tmux_socket.native() ? std::optional(PointKind::kSocket) : std::nullopt;
    case Sys::kSend:
      return op.in_root ? std::nullopt : std::optional(PointKind::kSocket);
    case Sys::kExit:
      return commands && op.in_command ? std::optional(PointKind::kExit) : std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<std::uint64_t> torn_bytes(std::uint64_t offset, std::uint64_t bytes,
                                        double fraction) {
  const std::uint64_t first = (offset / kPage + 1) * kPage;
  if (first >= offset + bytes) return std::nullopt;
  const std::uint64_t boundaries = (offset + bytes - 1 - first) / kPage + 1;
  const auto pick = static_cast<std::uint64_t>(fraction * static_cast<double>(boundaries));
  return first + std::min(pick, boundaries - 1) * kPage - offset;
}

}  // namespace stress
