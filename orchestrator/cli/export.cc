#include "orchestrator/base/file_io.h"
#include "orchestrator/cli/command.h"

namespace orc::cli {
namespace {

struct ExportOptions {
  std::string output;
};

int run_export(const Cli& cli, const ExportOptions& options) {
  const auto workspace = cli.open();
  if (!workspace) return cli.fail(workspace.error());
  const auto state = workspace->store().read();
  if (!state) return cli.fail(state.error());
  const Json document = (*state)->document();
  if (options.output.empty()) {
    print_json(document);
    return kOk;
  }
  if (auto ok = base::replace_file(options.output, document.dump(2) + "\n"); !ok) {
    return cli.fail(ok.error());
  }
  if (cli.json) {
    print_json({{"output", options.output}, {"generation", (*state)->generation()}});
  }
  return kOk;
}

}  // namespace

void add_export(Cli& cli) {
  static ExportOptions options;
  CLI::App* command =
      add_command(cli, cli.app, "export", "Write the whole registry as JSON", options, &run_export);
  command->add_option("--output", options.output, "A file; standard output by default");
  command->footer("Example:\n  orchestrator export --output registry-copy.json");
}

}  // namespace orc::cli
