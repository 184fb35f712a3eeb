#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "harness/supervise/launch.h"
#include "harness/target/target.h"

namespace stress {

/// The programs of one schedule: how they are launched, and what they said.
class Programs {
 public:
  /// `folder`: where their output goes; it is made, and emptied of what it has of other schedules.
  explicit Programs(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Errors: kNotFound (no such program), kIo.
  base::Result<LaunchSpec> prepare(const std::string& label, OperationProgram program);
  /// What the caller of the program concludes from its end; `status` as from waitpid.
  [[nodiscard]] Reply reply(const std::string& label, int status) const;

 private:
  [[nodiscard]] std::filesystem::path out_of(const std::string& label) const;
  [[nodiscard]] std::filesystem::path error_of(const std::string& label) const;

  std::filesystem::path folder_;
  std::map<std::string, OperationProgram> programs_;
};

}  // namespace stress
