#pragma once

#include <string>

#include "harness/campaign/progress.h"
#include "harness/cli/progress_line.h"

namespace stress {

/// Colours are for terminals whose owner has not set NO_COLOR.
bool colours_wanted();

/// How far a storm is.
class TerminalProgress : public Progress {
 public:
  explicit TerminalProgress(bool quiet) : line_(quiet) {}

  void began(std::uint64_t seed, const std::string& results) override;
  void phase(const std::string& name) override;
  void status(const Status& status) override;

 private:
  ProgressLine line_;
};

}  // namespace stress
