#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/schedule/moment.h"

namespace stress {

/// One decision carried out several times in a row: a task runs so many steps, or somebody is
/// killed once.
struct Stretch {
  Decision decision;
  std::uint64_t steps = 1;
  bool operator==(const Stretch&) const = default;
};

/// A schedule in the form in which it is shrunk.
std::vector<Stretch> script_of(const std::vector<Decision>& decisions);

/// Follows a script as far as it goes: who cannot go on, or is not there, is passed over. After its
/// end the default rule decides, so a script that had something taken away is one still.
class FollowScript : public Strategy {
 public:
  explicit FollowScript(std::vector<Stretch> script) : script_(std::move(script)) {}
  std::optional<Decision> choose(const Moment& moment) override;

 private:
  std::vector<Stretch> script_;
  std::size_t at_ = 0;
  std::uint64_t done_ = 0;
};

}  // namespace stress
