#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "reports/model/crashes.h"
#include "reports/model/exploration.h"
#include "reports/model/report.h"
#include "reports/model/score.h"

namespace report {

/// Each turns a result into one text; pure. They take any bytes: what is not UTF-8 becomes U+FFFD,
/// and no name in the result can break the format. JSON matches
/// scenarios/schema/report.schema.json.
std::string to_json(const Report& report);
std::string to_junit(
    const std::vector<Report>& reports);        ///< one suite a run, one case an invariant
std::string to_markdown(const Report& report);  ///< fits a CI job summary (under 64 KiB)
std::string to_terminal(const Report& report, bool colour);  ///< verdict table, 100 columns
std::string to_repro_script(const Report& report);           ///< repro.sh

/// The same of crash points; JSON matches scenarios/schema/crashes.schema.json. Text with one point
/// alone tells all about it.
std::string to_json(const Crashes& crashes);
std::string to_markdown(const Crashes& crashes);
std::string to_terminal(const Crashes& crashes, bool colour);
std::string to_repro_script(const Crashes& crashes);

/// The same of an exploration; JSON matches scenarios/schema/exploration.schema.json. The texts
/// tell the story of the first failure that no baseline knows.
std::string to_json(const Exploration& exploration);
std::string to_junit(const Exploration& exploration);  ///< one case an invariant that broke
std::string to_markdown(const Exploration& exploration);
std::string to_terminal(const Exploration& exploration, bool colour);
std::string to_repro_script(const Exploration& exploration);

/// A failing schedule as a story for people: who takes part, what each did, one column an
/// operation and time going down, where the scheduler switched, what broke, and why, where the
/// steps prove it. `columns`: of the terminal; less than 40 count as 40. With more than four
/// operations, or where columns would be too narrow, each step is a line.
std::string to_story(const FailingSchedule& schedule, bool colour, std::size_t columns);
std::string to_story_markdown(const FailingSchedule& schedule);  ///< for story_file()
/// In the Trace Event Format, which chrome://tracing and Perfetto open.
std::string to_chrome_trace(const FailingSchedule& schedule);
/// Where these two belong: beside the decision list, "failures/001-story.md" and
/// "failures/001-trace.json" of "failures/001.json".
std::string story_file(const FailingSchedule& schedule);
std::string trace_file(const FailingSchedule& schedule);

/// The same of the harness's own score; JSON matches scenarios/schema/score.schema.json.
std::string to_json(const Score& score);
std::string to_markdown(const Score& score);  ///< the table of the README

/// The inverse of to_json, for `stress report DIR`. false: `error` says what is wrong, `report` is
/// untouched. Unknown members are ignored, missing ones but verdicts keep their default.
bool from_json(const std::string& text, Report& report, std::string& error);
bool from_json(const std::string& text, Crashes& crashes, std::string& error);
bool from_json(const std::string& text, Exploration& exploration, std::string& error);

}  // namespace report
