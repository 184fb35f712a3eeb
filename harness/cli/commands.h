#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace stress {

/// One subcommand: add_…() declares its options on `app` and sets `action`, which runs it and
/// returns the exit code. `argv` is that of this very call, for repro.sh.
using Action = std::function<int()>;

void add_run(CLI::App& app, Action& action, const std::vector<std::string>& argv);
void add_explore(CLI::App& app, Action& action, const std::vector<std::string>& argv);
void add_replay(CLI::App& app, Action& action);
void add_crashes(CLI::App& app, Action& action, const std::vector<std::string>& argv);
void add_audit(CLI::App& app, Action& action, const std::vector<std::string>& argv);
void add_suite(CLI::App& app, Action& action, const std::vector<std::string>& argv);
void add_score(CLI::App& app, Action& action, const std::vector<std::string>& argv);
void add_check(CLI::App& app, Action& action);
void add_history(CLI::App& app, Action& action);
void add_report(CLI::App& app, Action& action);
void add_target(CLI::App& app, Action& action);

}  // namespace stress
