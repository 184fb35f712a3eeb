#include "harness/campaign/audit.h"

#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "harness/cli/baseline.h"
#include "harness/cli/commands.h"
#include "harness/cli/conclude.h"
#include "harness/cli/exit_codes.h"
#include "harness/cli/results.h"
#include "harness/cli/say.h"
#include "harness/cli/terminal.h"
#include "reports/writers/writers.h"

namespace stress {
namespace {

struct AuditOptions {
  AuditSettings settings;
  std::vector<std::filesystem::path> baselines;
  bool json = false;
};

int audit(const AuditOptions& options) {
  const AuditSettings& settings = options.settings;
  const auto known = load_baselines(options.baselines, {settings.target});
  if (!known) return usage_error("audit", known.error().message);
  base::Result<StormResult> result = run_audit(settings);
  if (!result) return usage_error("audit", result.error().message);
  if (!known->empty()) hold_against(baseline_for(*known, settings.target), *result);
  return conclude("audit", write_results(*result), result->report, result->results, options.json);
}

}  // namespace

void add_audit(CLI::App& app, Action& action, const std::vector<std::string>& argv) {
  CLI::App* command = app.add_subcommand(
      "audit", "Look at a live installation and judge its present state; nothing is changed");
  const auto options = std::make_shared<AuditOptions>();
  AuditSettings& settings = options->settings;
  command->add_option("--target", settings.target, "builtin, or a target file")
      ->capture_default_str();
  command->add_option("--workspace", settings.workspace, "The installation's folder")->required();
  command->add_flag("--allow-commands", settings.allow_commands,
                    "Where the target file reads the registry by a command, run it: it might "
                    "change something");
  command->add_option("--out", settings.out, "Folder for results")->capture_default_str();
  add_baseline(*command, options->baselines);
  command->add_flag("--json", options->json, "The report as JSON on standard output");
  command->footer(
      "Examples:\n"
      "  stress audit --workspace .spawnstorm\n"
      "  stress audit --target my-orchestrator.json --workspace /srv/agents --json");
  command->callback([options, &action, argv] {
    options->settings.command = argv;
    action = [options] { return audit(*options); };
  });
}

}  // namespace stress
