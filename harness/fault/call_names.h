#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/supervise/op.h"

namespace stress {

/// The key of a write by which the worker tells the harness how the operation ended.
inline constexpr std::string_view kReplyKey = "reply";

/// Names the calls of one run of an operation, so that the same call of a repetition gets the same
/// name: without pids, descriptors, byte counts and random parts of paths. Stateful: a file that
/// was made with O_EXCL is known by its order, as its whole name may be random.
class CallNames {
 public:
  explicit CallNames(std::vector<std::filesystem::path> folders) : folders_(std::move(folders)) {}

  struct Name {
    std::string key;    ///< for comparison
    std::string words;  ///< for people
  };
  /// To be asked once for each call, in their order. `reply`: a write that tells the harness.
  /// `by_victim`: of the process that the operation is about; other programs are named.
  Name name(const Op& op, bool reply, bool by_victim);

 private:
  struct Place {
    std::string key;
    std::string words;
  };
  [[nodiscard]] Place place(const std::string& path) const;
  Place note_new_file(const Op& op);

  std::vector<std::filesystem::path> folders_;
  std::map<std::string, std::string> new_files_;  ///< path -> key
  std::map<pid_t, std::string> programs_;         ///< what a process has become by exec
};

}  // namespace stress
