#pragma once

#include <chrono>
#include <string>

#include "harness/campaign/progress.h"

namespace stress {

/// Colours are for terminals whose owner has not set NO_COLOR.
bool colours_wanted();

/// The live line on a terminal, plain lines when piped; on stderr, so that stdout stays the
/// report's.
class TerminalProgress : public Progress {
 public:
  explicit TerminalProgress(bool quiet);
  ~TerminalProgress() override;
  TerminalProgress(const TerminalProgress&) = delete;
  TerminalProgress& operator=(const TerminalProgress&) = delete;

  void began(std::uint64_t seed, const std::string& results) override;
  void phase(const std::string& name) override;
  void status(const Status& status) override;

 private:
  void clear_line();
  bool quiet_;
  bool live_;
  bool line_open_ = false;
  std::chrono::steady_clock::time_point shown_{};
};

}  // namespace stress
