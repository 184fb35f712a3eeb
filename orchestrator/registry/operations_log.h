#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "orchestrator/registry/store.h"

namespace orc {

/// One JSON line per transaction, for people and for tools. It is a diary, not a journal: it is not
/// synced, nothing is ever recovered from it, and a failure to write it is nobody's failure.
/// Thread-safety: append only under the registry's lock, which keeps rotation and lines whole.
class OperationsLog {
 public:
  OperationsLog(std::filesystem::path path, std::uint64_t bytes_max);

  void append(std::string_view operation, std::string_view subject, const Commit& commit) const;

 private:
  std::filesystem::path path_;
  std::uint64_t bytes_max_;  ///< what would grow beyond it moves to <path>.1 first
};

}  // namespace orc
