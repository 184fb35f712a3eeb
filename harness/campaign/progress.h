#pragma once

#include <cstdint>
#include <string>

namespace stress {

/// What a person who waits wants to know.
struct Status {
  std::uint64_t acknowledged = 0;
  std::uint64_t required = 0;  ///< 0: as many as fit into the duration
  std::uint64_t crashes = 0;
  std::uint64_t faults = 0;  ///< others
  double seconds = 0;
  double seconds_left = 0;  ///< of the time limit
};

/// Called from the thread that runs the storm.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void began(std::uint64_t seed, const std::string& results) = 0;
  virtual void phase(const std::string& name) = 0;
  virtual void status(const Status& status) = 0;
};

}  // namespace stress
