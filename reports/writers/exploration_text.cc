#include "reports/writers/exploration_text.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "reports/writers/markdown_text.h"
#include "reports/writers/text.h"
#include "reports/writers/writers.h"

namespace report {
namespace {

constexpr std::size_t kBytesMax = 60UL * 1024;  // a CI job summary may have 64 KiB
constexpr std::size_t kCellBytes = 300;
constexpr std::size_t kColumns = 100;

std::string size_words(const ScheduleSize& size) {
  const auto number = [](int count) { return static_cast<std::uint64_t>(std::max(count, 0)); };
  return fmt::format("{}, {}, {}, {}", count_of(number(size.operations), "operation"),
                     count_of(number(size.preemptions), "preemption"),
                     count_of(number(size.faults), "fault"), count_of(number(size.steps), "step"));
}

std::string head_line(const Exploration& exploration) {
  std::string line = fmt::format(
      "{} on target {}, {} sessions: seed {}, {} ({}), {}",
      exploration.operations.empty() ? "no operation"
                                     : fmt::format("{}", fmt::join(exploration.operations, ", ")),
      exploration.target, exploration.sessions.empty() ? "no" : exploration.sessions,
      exploration.seed, exploration.strategy, exploration.reproducible,
      count_of(static_cast<std::uint64_t>(std::max(exploration.jobs, 1)), "job"));
  if (exploration.crashes_max > 0) {
    line += fmt::format(", up to {} a schedule",
                        exploration.crashes_max == 1
                            ? "1 crash"
                            : fmt::format("{} crashes", exploration.crashes_max));
  }
  return line;
}

std::string tally_line(const Exploration& exploration) {
  std::string line = fmt::format("{} in {:.1f} s", count_of(exploration.executed, "schedule"),
                                 exploration.duration_s);
  if (exploration.duration_s > 0) {
    const double rate = static_cast<double>(exploration.executed) / exploration.duration_s;
    line += fmt::format(" ({:.{}f} a second)", rate, rate < 1 ? 2 : 1);
  }
  line += fmt::format(": {} failing", exploration.failing);
  if (exploration.unknown > 0) line += fmt::format(", {} not judged", exploration.unknown);
  if (exploration.pruned > 0) line += fmt::format(", {} pruned", exploration.pruned);
  return line +
         fmt::format("; the longest: {}, {}",
                     count_of(static_cast<std::uint64_t>(std::max(exploration.tasks, 0)), "task"),
                     count_of(static_cast<std::uint64_t>(std::max(exploration.steps, 0)), "step"));
}

/// How much of what could happen was tried, in a word or more.
std::string coverage_line(const Exploration& exploration) {
  if (!exploration.coverage.empty()) return exploration.coverage;
  return fmt::format("not exhaustive: {} of the strategy {}",
                     count_of(exploration.executed, "schedule"), exploration.strategy);
}

bool is_known(const FailingSchedule& failure) {
  return !failure.broken.empty() &&
         std::ranges::all_of(failure.broken, [](const InvariantResult& broken) {
           return broken.verdict == Verdict::kKnown;
         });
}

/// The first that no baseline knows, else the first.
std::size_t foremost_failure(const Exploration& exploration) {
  const auto fresh = std::ranges::find(exploration.failures, false, is_known);
  return fresh == exploration.failures.end()
             ? 0
             : static_cast<std::size_t>(fresh - exploration.failures.begin());
}

std::string ways_to_fail(std::uint64_t count) {
  return count == 1 ? "1 way to fail" : fmt::format("{} ways to fail", count);
}

std::string last_line(const Exploration& exploration) {
  std::string line;
  const auto known =
      static_cast<std::uint64_t>(std::ranges::count_if(exploration.failures, is_known));
  const std::uint64_t fresh = exploration.failures.size() - known;
  if (fresh > 0) line += ways_to_fail(fresh) + "; ";
  if (known > 0) line += fmt::format("{}, known; ", ways_to_fail(known));
  line += coverage_line(exploration);
  if (!exploration.reason.empty()) line += "; " + exploration.reason;
  return line;
}

/// The names of what it broke.
std::string broken_words(const FailingSchedule& failure) {
  std::string words;
  for (const InvariantResult& broken : failure.broken) {
    words += (words.empty() ? "" : ", ") + broken.id;
    if (broken.verdict == Verdict::kKnown) words += " [known]";
  }
  if (words.empty()) return failure.deadlock.empty() ? "nothing" : "deadlock";
  return words;
}

std::string beside(const std::string& file, std::string_view ending) {
  constexpr std::string_view kJson = ".json";
  const std::size_t cut = file.ends_with(kJson) ? kJson.size() : 0;
  return file.substr(0, file.size() - cut).append(ending);
}

void append_failure(std::string& out, std::size_t number, const FailingSchedule& failure) {
  const auto more = [&out](std::string_view text) {
    append_wrapped(out, "      ", 6, text, kColumns);
  };
  append_wrapped(out, fmt::format("{:>4}  ", number), 6,
                 fmt::format("{}: {}", broken_words(failure), size_line(failure)), kColumns);
  for (const InvariantResult& broken : failure.broken) {
    if (!broken.violations.empty()) more(foremost(broken).summary);
  }
  more(origin_line(failure));
  if (failure.file.empty()) return;
  more(fmt::format("story: {}, trace: {}", story_file(failure), trace_file(failure)));
  out += "      " + one_line(shell_command({"stress", "replay", failure.file})) +
         "\n";  // to be copied
}

/// What it has in common with a run.
Report as_report(const Exploration& exploration) {
  Report report;
  report.name = "explore";
  report.version = exploration.version;
  report.verdict = exploration.verdict;
  report.reason = exploration.reason;
  report.seed = exploration.seed;
  report.engine = "explore";
  report.reproducible = exploration.reproducible;
  report.injection = "supervisor";
  report.target = exploration.target;
  report.command = exploration.command;
  report.started_at = exploration.started_at;
  report.duration_s = exploration.duration_s;
  return report;
}

}  // namespace

std::string story_file(const FailingSchedule& schedule) {
  return beside(schedule.file, "-story.md");
}

std::string trace_file(const FailingSchedule& schedule) {
  return beside(schedule.file, "-trace.json");
}

std::string size_line(const FailingSchedule& schedule) {
  std::string line = size_words(schedule.shrunk);
  if (schedule.found != schedule.shrunk && schedule.found != ScheduleSize{})
    line += "; as found: " + size_words(schedule.found);
  return line;
}

std::string origin_line(const FailingSchedule& schedule) {
  std::string line = fmt::format("found {}after {:.1f} s",
                                 schedule.found_by.empty() ? "" : "by " + schedule.found_by + ", ",
                                 schedule.found_after_s);
  if (schedule.replays <= 0) return line + "; not replayed";
  const auto replays = static_cast<std::uint64_t>(schedule.replays);
  line += fmt::format("; replayed {}, {}", count_of(replays, "time"),
                      schedule.replays == schedule.replays_same
                          ? "the same each time"
                          : fmt::format("{} of them the same", schedule.replays_same));
  if (!schedule.departed.empty()) line += "; departed: " + schedule.departed;
  return line;
}

std::string to_terminal(const Exploration& exploration, bool colour) {
  std::string out;
  append_wrapped(out, "", 0, "explore: " + head_line(exploration));
  std::size_t number = 0;
  for (const FailingSchedule& failure : exploration.failures) {
    if (number++ == 0) out += "\nfailures (their files are below the results)\n";
    append_failure(out, number, failure);
  }
  if (!exploration.failures.empty()) {
    const std::size_t told = foremost_failure(exploration);
    out += fmt::format("\nstory of failure {}\n\n", told + 1) +
           to_story(exploration.failures[told], colour, kColumns);
  }
  out += "\n";
  append_wrapped(out, "", 0, tally_line(exploration));
  if (!exploration.guarantee.empty()) append_wrapped(out, "", 0, exploration.guarantee);
  for (const std::string& note : exploration.notes) append_wrapped(out, "note: ", 6, note);
  if (exploration.verdict != Verdict::kPass && !exploration.command.empty()) {
    out += "reproduce:\n  " + one_line(shell_command(exploration.command)) + "\n";  // to be copied
  }
  const std::string verdict = fmt::format("{}  ", verdict_word(exploration.verdict));
  append_wrapped(out, verdict, verdict.size(), last_line(exploration));
  return out;
}

std::string to_markdown(const Exploration& exploration) {
  std::string out = fmt::format(
      "## explore: {}\n\n{}. {}; {}.\n\n", verdict_word(exploration.verdict),
      plain(head_line(exploration), 2 * kCellBytes), plain(tally_line(exploration), kCellBytes),
      plain(last_line(exploration), 2 * kCellBytes));
  if (!exploration.guarantee.empty()) out += plain(exploration.guarantee, kCellBytes) + ".\n\n";
  if (!exploration.failures.empty()) {
    out += "| no | broken | size | how found | story |\n|--:|---|---|---|---|\n";
  }
  std::size_t number = 0;
  for (const FailingSchedule& failure : exploration.failures) {
    ++number;
    if (out.size() > kBytesMax / 2) continue;
    out += fmt::format(
        "| {} | {} | {} | {} | {} |\n", number, plain(broken_words(failure), kCellBytes),
        plain(size_line(failure), kCellBytes), plain(origin_line(failure), kCellBytes),
        failure.file.empty() ? "" : plain(story_file(failure), kCellBytes));
  }
  if (!exploration.failures.empty()) {
    const std::size_t told = foremost_failure(exploration);
    out += fmt::format("\n### Story of failure {}\n\n", told + 1);
    const std::string story = fenced(to_story(exploration.failures[told], false, kColumns));
    out += out.size() + story.size() > kBytesMax ? "It is too long for this summary.\n\n" : story;
  }
  for (const std::string& note : exploration.notes) {
    if (out.size() < kBytesMax) out += "- " + plain(note, kCellBytes) + "\n";
  }
  return out;
}

std::string to_junit(const Exploration& exploration) {
  Report report = as_report(exploration);
  for (const FailingSchedule& failure : exploration.failures) {
    report.invariants.insert(report.invariants.end(), failure.broken.begin(), failure.broken.end());
  }
  if (exploration.failures.empty()) {
    report.invariants.push_back({.id = "schedules",
                                 .verdict = exploration.verdict,
                                 .checked = exploration.executed,
                                 .evidence = last_line(exploration)});
  }
  return to_junit(std::vector{report});
}

std::string to_repro_script(const Exploration& exploration) {
  return to_repro_script(as_report(exploration));
}

}  // namespace report
