#include <iterator>

#include <fmt/format.h>

#include "reports/writers/json_values.h"
#include "reports/writers/text.h"
#include "reports/writers/writers.h"

namespace report {
namespace {

using Json = nlohmann::ordered_json;

Json to_json_value(const SpecimenScore& specimen) {
  return {{"name", specimen.name},
          {"flaw", specimen.flaw},
          {"invariant", specimen.invariant},
          {"engine", specimen.engine},
          {"arguments", specimen.arguments},
          {"verdict", to_string(specimen.verdict)},
          {"runs", specimen.runs},
          {"seconds", finite(specimen.seconds)},
          {"schedules", specimen.schedules},
          {"shrunk", to_json_value(specimen.shrunk)},
          {"note", specimen.note},
          {"twin", specimen.twin},
          {"twin_verdict", to_string(specimen.twin_verdict)},
          {"twin_runs", specimen.twin_runs},
          {"twin_note", specimen.twin_note}};
}

/// A cell of a Markdown table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : one_line(text)) {
    if (c == '|' || c == '<' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string twin_cell(const SpecimenScore& specimen) {
  if (specimen.twin_verdict == TwinVerdict::kNotRun) return "";
  if (specimen.twin_verdict != TwinVerdict::kClean) {
    return std::string(to_string(specimen.twin_verdict));
  }
  return fmt::format("clean, {}", count_of(static_cast<std::uint64_t>(specimen.twin_runs), "run"));
}

/// "7 runs", "12 schedules".
std::string effort(const SpecimenScore& specimen) {
  if (specimen.engine == "explore") return count_of(specimen.schedules, "schedule");
  return count_of(static_cast<std::uint64_t>(specimen.runs), "run");
}

/// An exploration's are few, and so told in tenths.
std::string seconds_cell(const SpecimenScore& specimen) {
  return fmt::format("{:.{}f}", specimen.seconds, specimen.engine == "explore" ? 1 : 0);
}

/// "2 operations, 1 preemption"
std::string shrunk_cell(const SpecimenScore& specimen) {
  const ScheduleSize& size = specimen.shrunk;
  if (size.operations == 0) return "";
  const auto count = [](int number, const char* word) {
    return count_of(static_cast<std::uint64_t>(number), word);
  };
  std::string out = count(size.operations, "operation");
  if (size.preemptions > 0) out += ", " + count(size.preemptions, "preemption");
  if (size.faults > 0) out += ", " + count(size.faults, "fault");
  return out;
}

}  // namespace

std::string to_json(const Score& score) {
  const ScoreTotals totals = totals_of(score);
  Json json = {{"version", score.version},
               {"command", score.command},
               {"started_at", score.started_at},
               {"duration_s", finite(score.duration_s)},
               {"interrupted", score.interrupted},
               {"totals",
                {{"found", totals.found},
                 {"of", totals.of},
                 {"waiting", totals.waiting},
                 {"twins_clean", totals.twins_clean},
                 {"twins", totals.twins}}},
               {"specimens", Json::array()}};
  for (const SpecimenScore& specimen : score.specimens) {
    json["specimens"].push_back(to_json_value(specimen));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_markdown(const Score& score) {
  std::string out =
      "| specimen | flaw | invariant | engine | effort | seconds | made short | twin |\n"
      "|---|---|---|---|---|--:|---|---|\n";
  std::string waiting;
  std::string notes;
  for (const SpecimenScore& specimen : score.specimens) {
    if (specimen.verdict == SpecimenVerdict::kWaiting) {
      waiting += fmt::format("{}{} ({})", waiting.empty() ? "" : ", ", cell(specimen.name),
                             cell(specimen.engine));
      continue;
    }
    const bool found = specimen.verdict == SpecimenVerdict::kFound;
    const bool again = &specimen != score.specimens.data() &&
                       std::prev(&specimen)->name == specimen.name;  // by another engine
    out += fmt::format("| {} | {} | {}{} | {} | {} | {} | {} | {} |\n",
                       again ? "" : cell(specimen.name), again ? "" : cell(specimen.flaw),
                       found ? "" : "missed: ", cell(specimen.invariant), cell(specimen.engine),
                       effort(specimen), seconds_cell(specimen), shrunk_cell(specimen),
                       twin_cell(specimen));
    if (!specimen.note.empty()) notes += fmt::format("- {}: {}\n", specimen.name, specimen.note);
    if (!specimen.twin_note.empty()) {
      notes += fmt::format("- twin of {}: {}\n", specimen.name, specimen.twin_note);
    }
  }
  out += fmt::format("\n{}.\n", in_one_line(score));
  if (!waiting.empty()) out += fmt::format("\nWaiting for their engine: {}.\n", waiting);
  if (!notes.empty()) out += "\n" + notes;
  return out;
}

}  // namespace report
