#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "harness/cli/commands.h"
#include "harness/cli/exit_codes.h"
#include "harness/cli/say.h"
#include "harness/history/client_history.h"
#include "harness/history/codec.h"

namespace stress {
namespace {

struct ConvertOptions {
  std::filesystem::path from;
  std::filesystem::path to;
};

base::Status convert_run(const ConvertOptions& options) {
  if (options.to.extension() != ".edn") {
    return base::fail(base::Errc::kInvalid,
                      "{}: a run is converted to EDN, so the name ends in .edn",
                      options.to.string());
  }
  const base::Result<LoadedHistory> history = load_history(options.from);
  if (!history) return std::unexpected(history.error());
  return store_as_jepsen(history->evidence, options.to);
}

base::Status convert(const ConvertOptions& options) {
  const auto extension = options.to.extension();
  if (extension != ".edn" && extension != ".jsonl") {
    return base::fail(base::Errc::kInvalid,
                      "{}: the name of what is written ends in .edn or .jsonl",
                      options.to.string());
  }
  const base::Result<HistoryKind> kind = kind_of_history(options.from);
  if (!kind) return std::unexpected(kind.error());
  if (*kind == HistoryKind::kRun) return convert_run(options);
  const base::Result<ClientHistory> history = load_client_history(options.from);
  if (!history) return std::unexpected(history.error());
  return store_client_history(*history, options.to);
}

}  // namespace

void add_history(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("history", "Histories of runs and of others");
  command->require_subcommand(1);
  CLI::App* converting = command->add_subcommand(
      "convert", "To and from Jepsen's EDN; a run's history becomes one for its set checkers");
  const auto options = std::make_shared<ConvertOptions>();
  converting->add_option("from", options->from, "A history: .jsonl or .edn")
      ->required()
      ->check(CLI::ExistingFile);
  converting->add_option("to", options->to, "What to write: .edn or .jsonl")->required();
  converting->footer("Example:\n  stress history convert store.edn store.jsonl");
  converting->callback([options, &action] {
    action = [options] {
      const base::Status status = convert(*options);
      return status ? kExitPass : usage_error("history convert", status.error().message);
    };
  });
}

}  // namespace stress
