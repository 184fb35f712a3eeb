#include <algorithm>

#include "orchestrator/cli/command.h"
#include "orchestrator/core/validator.h"

namespace orc::cli {
namespace {

void print_report(const Cli& cli, const ValidatorReport& report) {
  Json findings = Json::array();
  std::vector<std::vector<std::string>> rows{{"FINDING", "REPAIRED", "WHAT", "REPAIR"}};
  for (const ValidatorFinding& finding : report.findings) {
    findings.push_back({{"kind", to_string(finding.kind)},
                        {"agent_id", finding.agent_id},
                        {"session", finding.session},
                        {"message", finding.message},
                        {"repair", finding.repair},
                        {"repaired", finding.repaired}});
    rows.push_back({std::string(to_string(finding.kind)), finding.repaired ? "yes" : "no",
                    finding.message, finding.repair.empty() ? "none" : finding.repair});
  }
  if (cli.json) {
    print_json({{"findings", std::move(findings)},
                {"agents_checked", report.agents_checked},
                {"sessions_checked", report.sessions_checked},
                {"server_running", report.server_running}});
    return;
  }
  if (!report.findings.empty()) print_table(rows);
  fmt::print("{} findings; {} agents and {} sessions checked{}\n", report.findings.size(),
             report.agents_checked, report.sessions_checked,
             report.server_running ? "" : "; no session server runs");
}

struct ValidateOptions {};

int run_validate(const Cli& cli, const ValidateOptions&) {
  const auto workspace = cli.open();
  if (!workspace) return cli.fail(workspace.error());
  const auto report = validate(*workspace);
  if (!report) return cli.fail(report.error());
  print_report(cli, *report);
  return report->findings.empty() ? kOk : kFailed;
}

struct RepairOptions {
  bool dry_run = false;
};

int run_repair(const Cli& cli, const RepairOptions& options) {
  const auto workspace = cli.open();
  if (!workspace) return cli.fail(workspace.error());
  const auto report = repair(*workspace, options.dry_run);
  if (!report) return cli.fail(report.error());
  print_report(cli, *report);
  const bool sound = std::ranges::all_of(
      report->findings, [](const ValidatorFinding& finding) { return finding.repaired; });
  return sound ? kOk : kFailed;
}

}  // namespace

void add_validate(Cli& cli) {
  static ValidateOptions validate_options;
  static RepairOptions repair_options;
  add_command(cli, cli.app, "validate", "Compare registry, sessions and processes; changes nothing",
              validate_options, &run_validate)
      ->footer("Exits with 1 when it finds something.\n\nExample:\n  orchestrator validate --json");
  CLI::App* repair_command = add_command(cli, cli.app, "repair", "Put right what validate finds",
                                         repair_options, &run_repair);
  repair_command->add_flag("--dry-run", repair_options.dry_run, "Only say what it would do");
  repair_command->footer(
      "Exits with 1 when something is left that it does not repair.\n\nExample:\n  orchestrator "
      "repair --dry-run");
}

}  // namespace orc::cli
