#include "reports/model/score.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <tuple>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "harness/campaign/run_folder.h"
#include "harness/campaign/specimens.h"
#include "harness/cli/bounds.h"
#include "harness/cli/commands.h"
#include "harness/cli/exit_codes.h"
#include "harness/cli/interrupt.h"
#include "harness/cli/own_run.h"
#include "harness/cli/say.h"
#include "orchestrator/base/clock.h"
#include "orchestrator/base/file_io.h"
#include "reports/writers/writers.h"

namespace stress {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using report::SpecimenScore;
using report::SpecimenVerdict;
using report::TwinVerdict;

/// Of one run of a twin: all crash points of an operation may take minutes.
constexpr std::chrono::seconds kTwinLimit{600};
/// After its time limit a run still looks at what is left, and cleans up; or makes what it has
/// found short.
constexpr std::chrono::seconds kToEnd{180};
/// Of one exploration of a twin, for each seed.
constexpr int kTwinSchedules = 20;

struct ScoreOptions {
  fs::path list;
  std::vector<std::string> only;
  int twin_seeds = 3;
  int seconds = 60;
  fs::path out = "stress-results";
  bool in_short = false;
  bool json = false;
};

/// What one run said.
struct Said {
  int exit_code = kExitInternal;
  std::set<std::string> broken;  ///< invariants
  std::string words;             ///< "unknown: the time limit of 60 s was reached"
  nlohmann::json result;         ///< as it was printed; not an object: there was none
};

/// The subcommand that runs an engine; nullptr: there is none yet.
const char* command_of(const Specimen& specimen) {
  if (specimen.engine == "storm") return "run";
  if (specimen.engine == "crashes") return "crashes";
  return specimen.engine == "explore" ? "explore" : nullptr;
}

/// Whether one run is all that there is to see: each look at all points is the same, and an
/// exploration goes on for as long as it may.
bool runs_once(const Specimen& specimen) { return specimen.engine != "storm"; }

void add_broken(const nlohmann::json& results, std::set<std::string>& broken) {
  for (const nlohmann::json& result : results) {
    if (result.value("verdict", "") == "fail") broken.insert(result.value("id", ""));
  }
}

/// Reads report.json, crashes.json or exploration.json, as a run printed it.
Said understand(const OwnRun& run) {
  Said said{.exit_code = run.exit_code,
            .broken = {},
            .words = {},
            .result = nlohmann::json::parse(run.out, nullptr, false)};
  const nlohmann::json& result = said.result;
  if (!result.is_object()) {
    said.words = fmt::format("no report, exit code {}", run.exit_code);
    return said;
  }
  said.words = result.value("verdict", "");
  std::string reason = result.value("reason", "");
  add_broken(result.value("invariants", nlohmann::json::array()), said.broken);
  nlohmann::json points = result.value("points", nlohmann::json::array());
  for (const nlohmann::json& failure : result.value("failures", nlohmann::json::array())) {
    points.push_back(failure);
  }
  if (result.contains("control")) points.push_back(result.at("control"));
  for (const nlohmann::json& point : points) {
    add_broken(point.value("broken", nlohmann::json::array()), said.broken);
    if (reason.empty()) reason = point.value("reason", "");
    if (reason.empty() && point.value("verdict", "") == "not run") reason = "not all points ran";
  }
  if (!said.broken.empty()) {
    said.words += fmt::format(": {}", fmt::join(said.broken, ", "));
  } else if (!reason.empty()) {
    said.words += ": " + reason;
  }
  return said;
}

/// What an exploration has to tell of itself.
void take_exploration(const nlohmann::json& result, SpecimenScore& score) {
  if (!result.is_object()) return;
  score.schedules = result.value("executed", std::uint64_t{0});
  for (const nlohmann::json& failure : result.value("failures", nlohmann::json::array())) {
    std::set<std::string> broken;
    add_broken(failure.value("broken", nlohmann::json::array()), broken);
    if (!broken.contains(score.invariant)) continue;
    score.seconds = failure.value("found_after_s", score.seconds);
    const nlohmann::json size = failure.value("shrunk", nlohmann::json::object());
    score.shrunk = {.operations = size.value("operations", 0),
                    .preemptions = size.value("preemptions", 0),
                    .faults = size.value("faults", 0),
                    .steps = size.value("steps", 0)};
  }
}

class Scorer {
 public:
  Scorer(const ScoreOptions& options, fs::path results, const std::atomic<bool>& interrupted)
      : options_(options), results_(std::move(results)), interrupted_(interrupted) {}

  /// The flawed target until it is found out, then its twin.
  SpecimenScore judge(const Specimen& specimen) {
    SpecimenScore score{.name = specimen.name,
                        .flaw = specimen.flaw,
                        .invariant = specimen.invariant,
                        .engine = specimen.engine,
                        .arguments = specimen.arguments,
                        .shrunk = {},
                        .note = {},
                        .twin = specimen.twin.lexically_relative(list_folder()).string(),
                        .twin_note = {}};
    if (command_of(specimen) == nullptr || interrupted_) return score;
    run_flawed(specimen, score);
    run_twin(specimen, score);
    const bool as_expected =
        score.verdict == SpecimenVerdict::kFound && score.twin_verdict == TwinVerdict::kClean;
    std::error_code ignored;
    if (as_expected) fs::remove_all(folder_of(specimen), ignored);
    return score;
  }

 private:
  fs::path list_folder() const { return fs::absolute(options_.list).parent_path(); }

  fs::path folder_of(const Specimen& specimen) const {
    return results_ / (specimen.name + (specimen.engine == "explore" ? "-explored" : ""));
  }

  /// What the engine is to know beyond the specimen's own arguments.
  void add_of_engine(const Specimen& specimen, bool twin, std::vector<std::string>& arguments) {
    if (specimen.engine == "storm") return;
    arguments.insert(arguments.end(), {"--until", specimen.invariant});
    if (specimen.engine != "explore") return;
    arguments.insert(arguments.end(),
                     {"--schedules", fmt::format("{}", twin ? kTwinSchedules : 0)});
    if (options_.in_short) arguments.insert(arguments.end(), {"--shrink-runs", "0"});
  }

  Said run(const Specimen& specimen, bool twin, int seed, std::chrono::seconds limit) {
    const fs::path folder = folder_of(specimen);
    std::error_code ignored;
    fs::create_directories(folder, ignored);
    std::vector<std::string> arguments = {command_of(specimen),
                                          "--target",
                                          (twin ? specimen.twin : specimen.target).string(),
                                          "--seed",
                                          fmt::format("{}", seed),
                                          "--time-limit",
                                          fmt::format("{}", limit.count()),
                                          "--out",
                                          folder.string(),
                                          "--json"};
    add_of_engine(specimen, twin, arguments);
    arguments.insert(arguments.end(), specimen.arguments.begin(), specimen.arguments.end());
    const base::Result<OwnRun> ran =
        run_own(arguments, folder / "stderr.log", limit + kToEnd, interrupted_);
    if (!ran) return {.broken = {}, .words = ran.error().message, .result = {}};
    return understand(*ran);
  }

  void run_flawed(const Specimen& specimen, SpecimenScore& score) {
    score.verdict = SpecimenVerdict::kMissed;
    const auto begun = Clock::now();
    std::chrono::seconds left{options_.seconds};
    while (left.count() > 0) {
      const Said said = run(specimen, false, ++score.runs, left);
      score.seconds = std::chrono::duration<double>(Clock::now() - begun).count();
      score.note = said.words;
      if (specimen.engine == "explore") take_exploration(said.result, score);
      if (said.broken.contains(specimen.invariant)) {
        score.verdict = SpecimenVerdict::kFound;
        score.note.clear();
        return;
      }
      if (interrupted_) {
        score.verdict = SpecimenVerdict::kWaiting;
        return;
      }
      // What cannot run at all will not run next time.
      if (runs_once(specimen) || said.exit_code == kExitUsage) return;
      left = std::chrono::seconds(options_.seconds - static_cast<int>(score.seconds));
    }
  }

  void run_twin(const Specimen& specimen, SpecimenScore& score) {
    if (interrupted_) return;
    const auto [known, fresh] =
        twins_.try_emplace({specimen.twin.string(), specimen.engine, specimen.arguments});
    Twin& twin = known->second;
    const int seeds = specimen.engine == "crashes" ? 1 : options_.twin_seeds;
    for (int seed = 1; fresh && seed <= seeds && twin.note.empty(); ++seed) {
      const Said said = run(specimen, true, seed, kTwinLimit);
      if (interrupted_) {
        twins_.erase(known);
        return;
      }
      ++twin.runs;
      if (said.exit_code == kExitPass) continue;
      twin.verdict = said.broken.empty() ? TwinVerdict::kUnknown : TwinVerdict::kViolated;
      twin.note = said.words;
    }
    score.twin_verdict = twin.verdict;
    score.twin_runs = twin.runs;
    score.twin_note = twin.note;
  }

  struct Twin {
    TwinVerdict verdict = TwinVerdict::kClean;
    int runs = 0;
    std::string note;
  };

  const ScoreOptions& options_;
  fs::path results_;
  const std::atomic<bool>& interrupted_;
  std::map<std::tuple<std::string, std::string, std::vector<std::string>>, Twin> twins_;
};

void print_row(std::FILE* to, const SpecimenScore& score) {
  if (score.verdict == SpecimenVerdict::kWaiting) {
    say(to, "  waiting  {:<18} {}\n", score.invariant, score.engine);
  } else {
    const bool explored = score.engine == "explore";
    const std::uint64_t count = explored ? score.schedules : static_cast<std::uint64_t>(score.runs);
    say(to, "  {:<8} {:<18} {:<8} {:>3} {} {:>6.1f} s   twin {} ({} {})\n",
        score.verdict == SpecimenVerdict::kFound ? "found" : "MISSED", score.invariant,
        score.engine, count, explored ? "schedules" : "runs     ", score.seconds,
        report::to_string(score.twin_verdict), score.twin_runs,
        score.twin_runs == 1 ? "run" : "runs");
  }
  for (const std::string* note : {&score.note, &score.twin_note}) {
    if (note->empty()) continue;
    say(to, "           {}: {}\n", note == &score.note ? "the last run" : "the twin", *note);
  }
  std::fflush(to);
}

/// Those that are asked for. Errors: kNotFound.
base::Result<std::vector<Specimen>> choose(const ScoreOptions& options) {
  base::Result<std::vector<Specimen>> all = load_specimens(options.list);
  if (!all) return all;
  for (const std::string& name : options.only) {
    if (std::ranges::find(*all, name, &Specimen::name) != all->end()) continue;
    return base::fail(base::Errc::kNotFound, "--only {}: {} has no specimen of that name", name,
                      options.list.string());
  }
  std::erase_if(*all, [&](const Specimen& specimen) {
    if (!options.only.empty()) {
      return std::ranges::find(options.only, specimen.name) == options.only.end();
    }
    return options.in_short && !specimen.in_short;
  });
  return all;
}

base::Status write_score(const fs::path& results, const report::Score& score) {
  if (base::Status done = base::replace_file(results / "score.json", to_json(score), 0644); !done) {
    return done;
  }
  return base::replace_file(results / "score.md", to_markdown(score), 0644);
}

int run_score(ScoreOptions& options, const std::vector<std::string>& argv) {
  if (options.in_short) options.twin_seeds = 1;
  const base::Result<std::vector<Specimen>> specimens = choose(options);
  if (!specimens) return usage_error("score", specimens.error().message);
  const base::Result<fs::path> results = make_results_folder(options.out, "score");
  if (!results) return usage_error("score", results.error().message);
  const std::atomic<bool>& interrupted = install_interrupt_handler();
  const auto begun = Clock::now();
  report::Score score;
  score.version = SPAWNSTORM_VERSION;
  score.command = argv;
  score.started_at = base::to_iso8601(base::wall_now());
  std::FILE* table = options.json ? stderr : stdout;
  Scorer scorer(options, *results, interrupted);
  for (const Specimen& specimen : *specimens) {
    if (interrupted) break;
    if (score.specimens.empty() || score.specimens.back().name != specimen.name) {
      say(table, "{:<28} {}\n", specimen.name, specimen.flaw);
      std::fflush(table);
    }
    score.specimens.push_back(scorer.judge(specimen));
    print_row(table, score.specimens.back());
  }
  score.interrupted = interrupted;
  score.duration_s = std::chrono::duration<double>(Clock::now() - begun).count();
  if (base::Status written = write_score(*results, score); !written) {
    say(stderr, "stress score: cannot write the results: {}\n", written.error().message);
    return kExitInternal;
  }
  if (options.json) say("{}", to_json(score));
  say(table, "{}; {:.0f} s\nresults: {}\n", in_one_line(score), score.duration_s,
      results->string());
  if (interrupted) return kExitUnknown;
  return totals_of(score).perfect() ? kExitPass : kExitViolation;
}

}  // namespace

void add_score(CLI::App& app, Action& action, const std::vector<std::string>& argv) {
  CLI::App* command = app.add_subcommand(
      "score", "The harness's own score: which planted flaws it finds, and false alarms on twins");
  const auto options = std::make_shared<ScoreOptions>();
  command->add_option("list", options->list, "A list of specimens (specimens.json)")->required();
  command->add_option("--only", options->only, "These specimens alone");
  command->add_flag("--short", options->in_short,
                    "Those that the list marks as short, and one run of each twin");
  command
      ->add_option("--twin-seeds", options->twin_seeds,
                   "Storms on each twin, or explorations of it")
      ->check(positive())
      ->capture_default_str();
  command->add_option("--seconds", options->seconds, "To find a flaw in")
      ->check(positive())
      ->capture_default_str();
  command->add_option("--out", options->out, "Folder for results")->capture_default_str();
  command->add_flag("--json", options->json, "The score as JSON on standard output");
  command->footer(
      "Examples:\n"
      "  stress score scenarios/specimens/specimens.json\n"
      "  stress score scenarios/specimens/specimens.json --only python-no-lock --twin-seeds 50");
  command->callback(
      [options, &action, argv] { action = [options, argv] { return run_score(*options, argv); }; });
}

}  // namespace stress
