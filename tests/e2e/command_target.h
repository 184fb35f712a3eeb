#pragma once

#include "tests/e2e/flawed_target.h"

namespace flawed {

/// The built-in target by its command line: operations are programs that the worker runs, as those
/// of anybody else's orchestrator are. Nothing is wrong with it.
class ByCommand : public Wrapper {
 public:
  using Wrapper::Wrapper;
  [[nodiscard]] bool runs_commands() const override { return true; }
  stress::Reply spawn(const stress::SpawnArguments& arguments) override;
  stress::Reply kill(const std::string& agent) override;
  stress::Reply update(const std::string& agent,
                       const std::map<std::string, std::string>& writes) override;

 private:
  /// `words` behind "orchestrator --workspace WORKSPACE --json".
  [[nodiscard]] stress::Reply run(const std::vector<std::string>& words) const;
};

}  // namespace flawed
