// Every writer holds its format whatever the names in a result contain, and says what it must.
#include <array>
#include <cstdio>
#include <limits>
#include <memory>
#include <regex>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reports/writers/text.h"
#include "reports/writers/writers.h"
#include "tests/unit/report_samples.h"

namespace report::testing {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// What a shell prints for the script.
std::string shell_output(const std::string& script) {
  const std::string command = shell_command({"/bin/sh", "-c", script});
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string out;
  std::array<char, 4096> buffer;
  while (const std::size_t bytes = fread(buffer.data(), 1, buffer.size(), pipe.get())) {
    out.append(buffer.data(), bytes);
  }
  return out;
}

// --- JSON ---

TEST(ReportJson, ComesBackAsItWas) {
  for (const Report& report : {passing_report(), unknown_report(), known_report()}) {
    Report back;
    std::string error;
    ASSERT_TRUE(from_json(to_json(report), back, error)) << error;
    EXPECT_EQ(back, report);
  }
  // Bytes that are no UTF-8 are replaced once and stay so.
  Report once;
  Report twice;
  std::string error;
  ASSERT_TRUE(from_json(to_json(failing_report()), once, error)) << error;
  ASSERT_TRUE(from_json(to_json(once), twice, error)) << error;
  EXPECT_EQ(once, twice);
  EXPECT_EQ(once.invariants.at(2).violations.size(), 20u);
}

TEST(ReportJson, HasTheFieldsThatItsReadersRelyOn) {
  const std::string json = to_json(passing_report());
  for (const char* field :
       {"verdict", "seed", "reproducible", "engine", "target", "totals", "spawns_acknowledged",
        "crashes_injected", "invariants", "id", "checked", "violations", "faults", "latency"}) {
    EXPECT_THAT(json, HasSubstr("\"" + std::string(field) + "\":"));
  }
  EXPECT_THAT(json, HasSubstr("\"verdict\": \"not-applicable\""));
  EXPECT_THAT(json, HasSubstr("\"seed\": 18446744073709551615"));
}

TEST(ReportJson, NumbersThatJsonCannotSayBecomeZero) {
  Report report = passing_report();
  report.duration_s = std::numeric_limits<double>::infinity();
  report.latency[0].p99_ms = std::numeric_limits<double>::quiet_NaN();
  Report back;
  std::string error;
  ASSERT_TRUE(from_json(to_json(report), back, error)) << error;
  EXPECT_EQ(back.duration_s, 0);
  EXPECT_EQ(back.latency[0].p99_ms, 0);
}

TEST(ReportJson, ReadingNamesWhatIsWrongAndChangesNothing) {
  const auto error_of = [](const std::string& text) {
    Report report = passing_report();
    std::string error;
    EXPECT_FALSE(from_json(text, report, error)) << text;
    EXPECT_EQ(report, passing_report());
    return error;
  };
  EXPECT_THAT(error_of("{\"verdict\":"), HasSubstr("not JSON"));
  EXPECT_THAT(error_of("\"\xff\""), HasSubstr("not JSON"));
  EXPECT_THAT(error_of("[]"), HasSubstr("'/'"));
  EXPECT_THAT(error_of("{}"), HasSubstr("'/verdict'"));
  EXPECT_THAT(error_of(R"({"verdict":"great"})"), HasSubstr("'/verdict'"));
  EXPECT_THAT(error_of(R"({"verdict":"pass","seed":-1})"), HasSubstr("'/seed'"));
  EXPECT_THAT(error_of(R"({"verdict":"pass","totals":[]})"), HasSubstr("'/totals'"));
  EXPECT_THAT(error_of(R"({"verdict":"pass","invariants":[{"verdict":"pass","checked":"x"}]})"),
              HasSubstr("'/invariants/0/checked'"));
  EXPECT_THAT(error_of(R"({"verdict":"pass","notes":["a",1]})"), HasSubstr("'/notes/1'"));
}

// --- JUnit ---

TEST(ReportJunit, CountsEachVerdictAsItsConsumersDo) {
  const std::string xml = to_junit({passing_report(), failing_report()});
  EXPECT_THAT(xml, StartsWith("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites "
                              "name=\"spawnstorm\" tests=\"6\" failures=\"1\" errors=\"1\" "
                              "skipped=\"2\""));
  EXPECT_THAT(xml,
              HasSubstr("<testcase classname=\"smoke\" name=\"registry-readable\" time=\"0\"/>"));
  EXPECT_THAT(xml, HasSubstr("<skipped message=\"the target does not promise it\">"));
  EXPECT_THAT(xml, HasSubstr("<failure type=\"violation\" message=\"21 violations: Agent a-0"));
  EXPECT_THAT(xml, HasSubstr("<error type=\"unknown\" message=\"1 operation overdue"));
  EXPECT_THAT(xml, HasSubstr("timestamp=\"2024-05-06T07:08:09\""));
}

TEST(ReportJunit, ARunThatIsUnknownForAnotherReasonIsNotGreen) {
  const std::string xml = to_junit({unknown_report()});
  EXPECT_THAT(xml, HasSubstr("errors=\"1\""));
  EXPECT_THAT(xml, HasSubstr("name=\"run\""));
  EXPECT_THAT(xml, HasSubstr("did not come to its planned end"));
}

TEST(ReportJunit, ContainsNothingThatXmlForbids) {
  const std::string xml = to_junit({failing_report()});
  for (const char32_t c : decode_utf8(xml)) {
    EXPECT_TRUE(c >= 0x20 || c == '\n') << static_cast<int>(c);
    EXPECT_TRUE(c != 0xFFFE && c != 0xFFFF);
  }
  EXPECT_THAT(xml, Not(HasSubstr("<b>")));
  EXPECT_THAT(xml, HasSubstr("&lt;b&gt;&amp;amp;&quot;"));
}

// --- Markdown ---

TEST(ReportMarkdown, FitsASummaryAndSaysWhatItLeavesOut) {
  Report report = failing_report();
  for (Violation& violation : report.invariants.at(2).violations) {
    violation.registry_before = std::string(50'000, 'r');
    violation.operations.assign(30, std::string(5'000, 'o'));
  }
  report.notes.assign(1'000, kNasty);
  const std::string text = to_markdown(report);
  EXPECT_LT(text.size(), 64u * 1024);
  EXPECT_THAT(text, HasSubstr("more in report.json"));
  EXPECT_EQ(to_markdown(passing_report()).find("Violations"), std::string::npos);
}

TEST(ReportMarkdown, HasATableRowForEachInvariantAndNoMarkupFromNames) {
  const std::string text = to_markdown(failing_report());
  EXPECT_THAT(text, HasSubstr("| PASS | registry-readable | 214 | 214 snapshots |"));
  EXPECT_THAT(text, HasSubstr("| n/a | no-duplicates |"));
  EXPECT_THAT(text, HasSubstr("| UNKNOWN | progress |"));
  EXPECT_THAT(text, HasSubstr("### Reproduce"));
  EXPECT_THAT(text, HasSubstr("stress --agents 10 --out 'a folder/it'\\''s'"));
  for (const std::string& line : lines_of(text)) {
    if (!line.starts_with("| ")) continue;
    const std::regex bars(R"((^|[^\\])\|)");
    const auto columns =
        std::distance(std::sregex_iterator(line.begin(), line.end(), bars), std::sregex_iterator());
    EXPECT_EQ(columns, 5) << line;
    EXPECT_THAT(line, Not(HasSubstr("<b>")));
  }
}

TEST(ReportMarkdown, AFenceIsLongerThanWhatItEncloses) {
  Report report = failing_report();
  report.invariants.at(2).violations.resize(1);
  report.invariants.at(2).violations[0].fault = "`````";
  EXPECT_THAT(to_markdown(report), HasSubstr("\n``````text\n"));
}

// --- terminal ---

TEST(ReportTerminal, FitsAHundredColumnsAndHasNoControlCharacters) {
  for (const Report& report : {passing_report(), failing_report(), unknown_report()}) {
    for (const std::string& line : lines_of(to_terminal(report, false))) {
      EXPECT_LE(width(line), 100u) << line;
      for (const char32_t c : decode_utf8(line)) EXPECT_GE(c, 0x20u) << line;
      EXPECT_FALSE(line.ends_with(' ')) << line;
    }
  }
}

TEST(ReportTerminal, TellsVerdictsTotalsFaultsAndTheWayBack) {
  const std::string text = to_terminal(failing_report(), false);
  EXPECT_THAT(text, HasSubstr("PASS     registry-readable       214  214 snapshots"));
  EXPECT_THAT(text, HasSubstr("n/a      no-duplicates"));
  EXPECT_THAT(text, HasSubstr("UNKNOWN  progress"));
  EXPECT_THAT(text, HasSubstr("FAIL acked-present 1/21: Agent a-0 is missing."));
  EXPECT_THAT(text, HasSubstr("FAIL acked-present 20/21: Agent a-19"));
  EXPECT_THAT(text, HasSubstr("and 1 more of acked-present"));
  const std::string unwrapped = std::regex_replace(text, std::regex("\n"), " ");
  EXPECT_THAT(unwrapped, HasSubstr("100 of 100 spawns acknowledged, 1 refused, 10 of unknown"));
  EXPECT_THAT(unwrapped, HasSubstr("10 of 10 crashes injected"));
  EXPECT_TRUE(std::regex_search(text, std::regex("crash +write-mid +2 +2\n")));
  EXPECT_THAT(text, HasSubstr("reproduce: The same command draws the same faults"));
  EXPECT_THAT(text, HasSubstr("  stress --agents 10 --out 'a folder/it'\\''s'\n"));
  EXPECT_THAT(lines_of(text).back(),
              StartsWith("FAIL    seed 18446744073709551615, 1 invariant broken"));
}

TEST(ReportTerminal, ALongLineOfAFaultPlanIsShownToItsEnd) {
  Report report = passing_report();
  const std::string spec = "write@*registry.json.tmp*:errno=ENOSPC:when=2..900+3";
  report.faults = {{"fault", spec, 40, 7}};
  EXPECT_THAT(to_terminal(report, false),
              HasSubstr("\nfault            " + spec + "       40         7\n"));
  report.faults = {{"fault", std::string(64, 'w') + ":kill", 40, 7}};
  EXPECT_THAT(to_terminal(report, false), HasSubstr("\n                 :kill\n"));
}

TEST(ReportTerminal, APassingRunNeedsNoWayBackAndAnUnknownOneSaysWhy) {
  EXPECT_THAT(to_terminal(passing_report(), false), Not(HasSubstr("reproduce")));
  EXPECT_THAT(lines_of(to_terminal(unknown_report(), false)).back(),
              AllOf(StartsWith("UNKNOWN seed"), EndsWith("did not come to its planned end")));
}

TEST(ReportTerminal, ColoursAreAddedOnlyWhenAskedForAndChangeNoText) {
  const std::string coloured = to_terminal(failing_report(), true);
  EXPECT_THAT(coloured, HasSubstr("\x1b[1;31mFAIL"));
  EXPECT_EQ(std::regex_replace(coloured, std::regex("\x1b\\[[0-9;]*m"), ""),
            to_terminal(failing_report(), false));
}

// --- repro.sh ---

TEST(CrashesJson, ReadsBackWhatWasWritten) {
  Crashes clean = violated_crashes();
  std::erase_if(clean.points, [](const PointResult& point) { return !point.broken.empty(); });
  clean.calls = sound_crashes().calls;  // without bytes that are replaced
  for (const Crashes& crashes : {sound_crashes(), clean}) {
    Crashes back;
    std::string error;
    ASSERT_TRUE(from_json(to_json(crashes), back, error)) << error;
    EXPECT_EQ(to_json(back), to_json(crashes));
    EXPECT_EQ(to_terminal(back, false), to_terminal(crashes, false));
  }
  Crashes back;
  std::string error;
  EXPECT_FALSE(from_json(R"({"verdict":"pass","points":[{"verdict":"great"}]})", back, error));
  EXPECT_THAT(error, HasSubstr("'/points/0/verdict'"));
}

TEST(CrashesTerminal, FitsAHundredColumnsAndHasNoControlCharacters) {
  for (const Crashes& crashes : {sound_crashes(), violated_crashes()}) {
    for (const std::string& line : lines_of(to_terminal(crashes, false))) {
      if (line.find("stress crashes") != std::string::npos) continue;  // unbroken, to be copied
      EXPECT_LE(width(line), 100u) << line;
      EXPECT_EQ(line.find_first_of("\x1b\x07\r"), std::string::npos) << line;
    }
  }
}

TEST(CrashesTerminal, SaysExhaustiveOnlyWhereItIs) {
  EXPECT_THAT(to_terminal(sound_crashes(), false),
              HasSubstr("PASS  exhaustive over the watched operations: 2 points"));
  const std::string violated = to_terminal(violated_crashes(), false);
  EXPECT_THAT(violated, HasSubstr("FAIL  not exhaustive, 1 not run"));
  EXPECT_THAT(violated,
              AllOf(HasSubstr("acked-present (statistical)"), HasSubstr("Agent a-0 is missing")));
  EXPECT_THAT(to_markdown(violated_crashes()), HasSubstr("not exhaustive, 1 not run"));
}

TEST(CrashesTerminal, WhereEffectsMayHaveBeenMissedItSaysSoThoughAllPointsRan) {
  Crashes crashes = sound_crashes();
  crashes.exhaustive = false;
  EXPECT_THAT(to_terminal(crashes, false),
              HasSubstr("PASS  not exhaustive: all 2 points ran, but not all effects were seen"));
}

TEST(CrashesTerminal, OnePointAloneIsNeverCalledExhaustiveAndTellsHowItFell) {
  Crashes crashes = sound_crashes();
  crashes.only = 1;
  crashes.exhaustive = false;
  crashes.points.resize(1);
  EXPECT_THAT(to_terminal(crashes, false),
              AllOf(HasSubstr("point 1 alone"), HasSubstr("flock of /w/registry.lock"),
                    Not(HasSubstr("exhaustive"))));
}

TEST(CrashesMarkdown, FitsASummary) {
  Crashes crashes = violated_crashes();
  for (int i = 0; i < 2000; ++i) crashes.points.push_back(crashes.points[2]);
  EXPECT_LT(to_markdown(crashes).size(), 64u * 1024);
}

TEST(ReproScript, RunsTheVeryCommandAndPassesArgumentsOn) {
  Report report = failing_report();
  report.command = {"printf", "%s|", "a b", "it's", "$HOME", "`x`", "", "*"};
  const std::string script = to_repro_script(report);
  EXPECT_THAT(script, StartsWith("#!/bin/sh\n# "));
  EXPECT_EQ(shell_output("set -- more; " + script), "a b|it's|$HOME|`x`||*|more|");
}

TEST(ReproScript, SaysSoWhereTheCommandIsNotKnown) {
  Report report = passing_report();
  report.command.clear();
  EXPECT_EQ(shell_output("(" + to_repro_script(report) + ") 2>/dev/null; echo $?"), "254\n");
}

// --- score ---

TEST(ScoreText, CountsEachTwinOnceAndNotWhatWaits) {
  Score score = a_score();
  EXPECT_EQ(in_one_line(score), "found 2 of 3, no violation on 2 twins; 1 waiting");
  EXPECT_FALSE(totals_of(score).perfect());
  score.specimens[2].verdict = SpecimenVerdict::kFound;
  EXPECT_TRUE(totals_of(score).perfect());
  score.specimens[2].arguments = {"--agents", "4"};
  score.specimens[2].twin_verdict = TwinVerdict::kUnknown;
  EXPECT_EQ(in_one_line(score), "found 3 of 3, 1 of 3 twins not clean; 1 waiting");
  EXPECT_FALSE(totals_of(score).perfect());
}

TEST(ScoreText, NoFlawBreaksTheTable) {
  const std::vector<std::string> lines = lines_of(to_markdown(a_score()));
  EXPECT_EQ(lines[2],
            "| no-lock | There is no lock. | no-lost-update | storm | 2 runs | 12 |  | "
            "clean, 3 runs |");
  EXPECT_EQ(lines[3],
            "|  |  | no-lost-update | explore | 3 schedules | 0.3 | 2 operations, 1 preemption | "
            "clean, 3 runs |");
  EXPECT_THAT(lines[4],
              AllOf(StartsWith("| torn | "), HasSubstr(" | missed: no-lost-update | storm |"),
                    Not(HasSubstr(" <b>")), EndsWith("| clean, 3 runs |")));
}

// --- shared text ---

TEST(ReportText, DecodesUtf8AndReplacesWhatIsNone) {
  EXPECT_EQ(decode_utf8("aé漢😀"), U"aé漢😀");
  EXPECT_EQ(decode_utf8("\xff\xc0\xaf"), U"\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(decode_utf8("\xed\xa0\x80"), U"\uFFFD\uFFFD\uFFFD") << "a surrogate";
  EXPECT_EQ(decode_utf8("\xe6\xbc"), U"\uFFFD\uFFFD") << "cut short";
  std::string back;
  for (const char32_t c : std::u32string(U"aé漢😀")) append_utf8(back, c);
  EXPECT_EQ(back, "aé漢😀");
}

TEST(ReportText, ClipsBetweenCharactersAndWrapsBetweenWords) {
  EXPECT_EQ(clip("aé", 3), "aé");
  EXPECT_EQ(clip("aéz", 2), "a…");
  EXPECT_EQ(wrap("one two three", 7), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(wrap("abcdefgh", 3), (std::vector<std::string>{"abc", "def", "gh"}));
  EXPECT_EQ(wrap("", 3), std::vector<std::string>{""});
}

}  // namespace
}  // namespace report::testing
