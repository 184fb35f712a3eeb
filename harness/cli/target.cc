#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "harness/campaign/rehearsal.h"
#include "harness/campaign/scratch_folder.h"
#include "harness/check/invariants.h"
#include "harness/cli/commands.h"
#include "harness/cli/exit_codes.h"
#include "harness/cli/interrupt.h"
#include "harness/cli/say.h"
#include "harness/cli/target_template.h"
#include "harness/target/target_file.h"
#include "orchestrator/base/unique_fd.h"

namespace stress {
namespace {

namespace fs = std::filesystem;

int write_template(const fs::path& file) {
  const base::UniqueFd out(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!out.valid()) {
    return usage_error("target new",
                       errno == EEXIST
                           ? fmt::format("{} is there already and stays as it is", file.string())
                           : base::fail_errno(errno, "create", file).error().message);
  }
  const std::string_view text = kTargetTemplate;
  if (::write(out.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    say(stderr, "stress target new: cannot write {}\n", file.string());
    return kExitInternal;
  }
  say("{}\nFill it in, then: stress target lint {}\n", file.string(), file.string());
  return kExitPass;
}

const char* mark(RehearsalLine::Kind kind) {
  switch (kind) {
    case RehearsalLine::Kind::kGood:
      return "ok";
    case RehearsalLine::Kind::kBad:
      return "WRONG";
    case RehearsalLine::Kind::kNote:
      break;
  }
  return "note";
}

void print_limits(const Target& target) {
  const TargetFacts facts = target.facts();
  const TargetOffers offers = target.offers();
  for (const auto& [offered, name] : {std::pair{!offers.update_fields.empty(), "update"},
                                      {offers.kill, "kill"},
                                      {offers.list, "list"},
                                      {offers.validate, "validate"},
                                      {facts.has_repair, "repair"}}) {
    if (!offered) say("note   {:<10}not in the file: will not be asked for\n", name);
  }
  if (!facts.live_snapshots) {
    say("note   {:<10}no \"read\": the registry is only looked at while nobody writes\n",
        "observe");
  }
  Evidence nothing;
  nothing.run.target = facts;
  for (const report::InvariantResult& result : check_all(nothing)) {
    if (result.verdict != report::Verdict::kNotApplicable) continue;
    say("n/a    {:<20}{}\n", result.id, result.evidence);
  }
}

int lint(const std::string& file) {
  const base::Result<TargetFile> loaded = load_target_file(file);
  if (!loaded) return usage_error("target lint", loaded.error().message);
  install_interrupt_handler();  // it is short: what it has begun, it also takes away
  const ScratchFolder scratch;
  if (scratch.path().empty()) return usage_error("target lint", "cannot make a temporary folder");
  Stage::Plan plan;
  plan.out = scratch.path();
  plan.name = "lint";
  plan.target = file;
  plan.injection = Injection::kSignals;
  const base::Result<std::unique_ptr<Stage>> stage = Stage::build(plan);
  if (!stage) return usage_error("target lint", stage.error().message);
  say("ok     {:<10}{}: {} was set up\n", "setup", file, loaded->name);
  const std::vector<RehearsalLine> lines = rehearse(**stage);
  for (const RehearsalLine& line : lines) {
    say("{:<7}{:<10}{}\n", mark(line.kind), line.step, line.text);
  }
  print_limits((*stage)->target());
  const bool good = std::ranges::none_of(
      lines, [](const RehearsalLine& line) { return line.kind == RehearsalLine::Kind::kBad; });
  say("{}\n", good ? "Understood. A storm: stress run --target " + file
                   : "Not everything is as the file says.");
  return good ? kExitPass : kExitViolation;
}

}  // namespace

void add_target(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "target", "Describe an orchestrator of your own by a file, and try that file");
  command->require_subcommand(1);
  const auto file = std::make_shared<std::string>("target.json");
  CLI::App* fresh = command->add_subcommand("new", "Write a template with comments");
  fresh->add_option("file", *file, "Where to; nothing is overwritten")->capture_default_str();
  fresh->callback([file, &action] { action = [file] { return write_template(*file); }; });
  CLI::App* tried = command->add_subcommand(
      "lint", "Set the target up, use each thing that it offers once, and say what was understood");
  tried->add_option("file", *file, "The target file")->required();
  tried->callback([file, &action] { action = [file] { return lint(*file); }; });
  command->footer(
      "Examples:\n"
      "  stress target new my-orchestrator.json\n"
      "  stress target lint my-orchestrator.json");
}

}  // namespace stress
