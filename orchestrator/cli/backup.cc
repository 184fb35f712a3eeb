#include "orchestrator/cli/command.h"

namespace orc::cli {
namespace {

struct BackupListOptions {};

int run_backup_list(const Cli& cli, const BackupListOptions&) {
  const auto workspace = cli.open();
  if (!workspace) return cli.fail(workspace.error());
  const auto backups = workspace->store().backups();
  if (!backups) return cli.fail(backups.error());
  Json list = Json::array();
  std::vector<std::vector<std::string>> rows{{"BACKUP", "GENERATION", "AGENTS", "GOOD"}};
  for (const Backup& backup : *backups) {
    list.push_back({{"name", backup.name},
                    {"generation", backup.generation},
                    {"agents", backup.agents},
                    {"good", backup.good}});
    rows.push_back({backup.name, std::to_string(backup.generation), std::to_string(backup.agents),
                    backup.good ? "yes" : "no"});
  }
  if (cli.json) {
    print_json({{"backups", std::move(list)}});
  } else {
    print_table(rows);
  }
  return kOk;
}

struct RestoreOptions {
  std::string name;
};

int run_restore(const Cli& cli, const RestoreOptions& options) {
  const auto workspace = cli.open();
  if (!workspace) return cli.fail(workspace.error());
  const auto commit = workspace->store().restore(options.name);
  if (!commit) return cli.fail(commit.error());
  if (cli.json) {
    print_json({{"name", options.name}, {"generation", commit->generation_after}});
  } else {
    fmt::print("{} is generation {} now; run `orchestrator repair`\n", options.name,
               commit->generation_after);
  }
  return kOk;
}

}  // namespace

void add_backup(Cli& cli) {
  static BackupListOptions list_options;
  static RestoreOptions restore_options;
  CLI::App* backup =
      cli.app.add_subcommand("backup", "List and restore earlier generations of the registry");
  backup->require_subcommand(1);
  add_command(cli, *backup, "list", "List the backups", list_options, &run_backup_list)
      ->footer("Example:\n  orchestrator backup list");
  CLI::App* restore = add_command(cli, *backup, "restore",
                                  "Put a backup in the registry's place, which is set aside",
                                  restore_options, &run_restore);
  restore->add_option("name", restore_options.name, "As `backup list` shows it")->required();
  restore->footer("Example:\n  orchestrator backup restore registry-41.json");
}

}  // namespace orc::cli
