#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/supervise/op.h"
#include "harness/supervise/watched.h"

namespace stress {

/// The kinds of places at which a crash can fall on the path of a spawn. The last two are of
/// commands alone: what they print to their caller, and their exit.
enum class PointKind {
  kWrite,
  kSync,
  kRename,
  kFolderSync,
  kUnlock,
  kExec,
  kSocket,
  kReply,
  kOutput,
  kExit
};
inline constexpr std::size_t kPointKinds = 10;

enum class Position { kBefore, kMid, kAfter };

/// One class of crash points: "write-mid", "rename-before", …
struct PointClass {
  PointKind kind = PointKind::kWrite;
  Position position = Position::kBefore;
  auto operator<=>(const PointClass&) const = default;
};
std::string to_string(const PointClass& cls);
/// The inverse; nullopt: no such class.
std::optional<PointClass> parse_point_class(std::string_view name);
/// The names of all classes, of which a path has some.
std::vector<std::string> all_point_classes();

/// Tells which kind of point a system call is, if any.
struct PointClassifier {
  std::vector<std::filesystem::path> watched;  ///< operations on files below these
  std::filesystem::path history_folder;        ///< writes below it are replies
  std::filesystem::path tmux_socket;
  /// The target's operations are programs that workers run: only those programs' calls are points,
  /// and they are what a crash kills.
  bool commands = false;

  [[nodiscard]] std::optional<PointKind> kind_of(const Op& op) const;
  /// Whether the call is made by the very process that a crash kills.
  [[nodiscard]] bool is_victims(const Op& op) const {
    return commands ? op.in_command : op.in_root;
  }
};

/// Whether a write goes to whoever started its caller: to a pipe, or to fd 1 or 2.
bool is_output(const Op& op);

/// How often each kind occurs on the path of one spawn, as recorded from a real one.
struct PathProfile {
  std::array<int, kPointKinds> occurrences{};
  int writes_over_a_page = 0;  ///< those that a kill can tear
  [[nodiscard]] int of(PointKind kind) const { return occurrences[static_cast<std::size_t>(kind)]; }
};

/// The cut of a torn write: bytes up to a page boundary of the file inside (offset, offset+bytes),
/// chosen by `fraction` in [0,1). nullopt: the write lies within one page, and a kill cannot tear
/// it.
std::optional<std::uint64_t> torn_bytes(std::uint64_t offset, std::uint64_t bytes, double fraction);

}  // namespace stress
