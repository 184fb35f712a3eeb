// Known violations: what of a violation is the same in another run, and what a baseline makes of
// it.
#include "reports/model/baseline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reports/model/fingerprint.h"
#include "reports/writers/writers.h"
#include "tests/unit/report_samples.h"

namespace report::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Fingerprint, SurvivesNewIdsTimesNumbersAndPaths) {
  const auto same = [](const char* one, const char* other) {
    EXPECT_EQ(fingerprint(one, {}), fingerprint(other, {}));
  };
  same(
      "Agent coder-20261125T193955-oxrvpg276luvj is \"running\" in the registry, and has no "
      "session.",
      "Agent tester-20270101T000000-aaaaaaa222222 is \"running\" in the registry, and has no "
      "session.");
  same(
      "The registry stores 4 active but 1 stands in the registry read at +1.250 ms; changed since "
      "the read before: a-1, a-2.",
      "The registry stores 17 active but 9 stand in the registry read at +91.000 ms; changed since "
      "the read before: b-7.");
  same("cannot read /srv/one/registry.json: Permission denied",
       "cannot read /tmp/x: Permission denied");
  same("Sessions agent_a1, agent_a2, agent_a3 live at once for type coder.",
       "Sessions agent_b1, agent_b2 live at once for type coder.");
}

TEST(Fingerprint, TellsDifferentViolationsApart) {
  EXPECT_NE(fingerprint("Agent a-1 is \"running\" in the registry, and has no session.", {}),
            fingerprint("Agent a-1 is \"working\" in the registry, and has no session.", {}));
  EXPECT_NE(fingerprint("Agent a-1 has 1 active record, 0 marked sessions.", {}),
            fingerprint("Agent a-1 has 0 active records, 1 marked session.", {}));
  EXPECT_NE(fingerprint("The registry was absent when read at +1 ms.", {}),
            fingerprint("The registry could not be read at +1 ms: no whole JSON.", {}));
}

TEST(Fingerprint, MasksIdsWithoutADigitWhereTheyAreNamedAndNowhereElse) {
  EXPECT_EQ(fingerprint("Agent run is running below writer.", {"run", "writer"}),
            "Agent * is running below *.");
  EXPECT_EQ(fingerprint("Agent (unknown): session \"agent_writer\" is there.", {""}),
            "Agent (unknown): session \"agent_writer\" is there.");
}

TEST(Fingerprint, MasksWhatATargetHasWritten) {
  EXPECT_EQ(fingerprint("no whole JSON, at byte 12 of 12; last read: '\"a': don\\'t. [x'", {}),
            "no whole JSON, at byte * of *; last read: *");
  EXPECT_EQ(fingerprint("a \xff\xfe b \"it's\" c", {}), "a * b * c");
  EXPECT_EQ(fingerprint("an \"open quotation", {}), "an \"open quotation");
  EXPECT_EQ(fingerprint("", {}), "");
}

InvariantResult violated(const std::vector<std::string>& summaries) {
  InvariantResult result{.id = "no-ghosts", .verdict = Verdict::kFail};
  for (const std::string& summary : summaries) {
    Violation violation{.summary = summary};
    violation.fingerprint = fingerprint(summary, {});
    ++result.fingerprints[violation.fingerprint];
    ++result.violations_total;
    result.violations.push_back(violation);
  }
  return result;
}

TEST(Baseline, MakesKnownWhatItHasSeenAndNothingElse) {
  Baseline baseline;
  baseline.add(violated({"Agent a-1 has no session.", "Agent a-1 went elsewhere."}));
  InvariantResult known = violated({"Agent b-2 has no session.", "Agent b-3 has no session."});
  baseline.mark(known);
  EXPECT_EQ(known.verdict, Verdict::kKnown);
  EXPECT_EQ(known.violations_known, 2u);
  EXPECT_TRUE(known.violations[1].known);
  EXPECT_THAT(baseline.not_seen(), ElementsAre("no-ghosts: Agent * went elsewhere."));

  InvariantResult fresh = violated({"Agent b-2 has no session.", "Agent b-2 is a stranger."});
  baseline.mark(fresh);
  EXPECT_EQ(fresh.verdict, Verdict::kFail);
  EXPECT_FALSE(fresh.violations[1].known);
  EXPECT_EQ(baseline.known(), 3u);
  EXPECT_EQ(baseline.fresh(), 1u);
}

TEST(Baseline, MakesNothingKnownThatCouldNotAllBeJudged) {
  Baseline baseline;
  baseline.add(violated({"Agent a-1 has no session."}));
  InvariantResult result = violated({"Agent a-1 has no session."});
  result.evidence = "2 looks";
  result.unjudged = "the run did not end";
  baseline.mark(result);
  EXPECT_EQ(result.verdict, Verdict::kUnknown);
  EXPECT_EQ(result.evidence, "the run did not end (2 looks)");
}

TEST(Baseline, GoesByTheInvariantToo) {
  Baseline baseline;
  InvariantResult other = violated({"Agent a-1 has no session."});
  other.id = "no-orphans";
  baseline.add(other);
  InvariantResult result = violated({"Agent a-1 has no session."});
  baseline.mark(result);
  EXPECT_EQ(result.verdict, Verdict::kFail);
}

TEST(Baseline, AnUnknownViolationBehindTheFirstTwentyStillFails) {
  Baseline baseline;
  baseline.add(violated({"Agent a-1 has no session."}));
  InvariantResult result = violated({"Agent a-1 has no session."});
  ++result.fingerprints["Agent * is a stranger."];  // counted, not told
  ++result.violations_total;
  baseline.mark(result);
  EXPECT_EQ(result.verdict, Verdict::kFail);
  EXPECT_EQ(baseline.fresh(), 1u);
}

TEST(Baseline, LeavesAloneWhatIsNotViolated) {
  Baseline baseline;
  baseline.add(violated({"Agent a-1 has no session."}));
  InvariantResult unknown{.id = "no-ghosts", .verdict = Verdict::kUnknown};
  baseline.mark(unknown);
  EXPECT_EQ(unknown.verdict, Verdict::kUnknown);
}

TEST(Baseline, IsTheSameFromAStoredReport) {
  Report report = failing_report();
  report.invariants = {
      violated({"Agent \xff"
                "a-1 has no session."})};
  Report stored;
  std::string error;
  ASSERT_TRUE(from_json(to_json(report), stored, error)) << error;
  Baseline baseline;
  baseline.add(stored.invariants.at(0));
  baseline.mark(report.invariants.at(0));
  EXPECT_EQ(report.invariants.at(0).verdict, Verdict::kKnown);
}

TEST(Baseline, OfCrashPointsComesFromTheirStoredReport) {
  Crashes crashes = violated_crashes();
  crashes.points.at(2).broken = {violated({"Agent a-1 has no session."})};
  Crashes stored;
  std::string error;
  ASSERT_TRUE(from_json(to_json(crashes), stored, error)) << error;
  EXPECT_EQ(stored.target, crashes.target);
  EXPECT_EQ(stored.points.size(), crashes.points.size());
  EXPECT_EQ(stored.points.at(2).broken, crashes.points.at(2).broken);
  EXPECT_FALSE(from_json("[]", stored, error));
  EXPECT_THAT(error, HasSubstr("'/'"));
}

TEST(KnownViolations, AreToldAsKnownAndFailNothing) {
  const Report report = known_report();
  EXPECT_THAT(to_terminal(report, false),
              AllOf(HasSubstr("KNOWN    no-ghosts"), HasSubstr("KNOWN no-ghosts 1/1: Agent a-1"),
                    HasSubstr("PASS    seed 1, 1 known violation")));
  EXPECT_THAT(to_markdown(report), AllOf(HasSubstr("1 known violation of the baseline."),
                                         HasSubstr("| KNOWN | no-ghosts"),
                                         HasSubstr("**no-ghosts** (known): Agent a-1")));
  const std::string xml = to_junit({report});
  EXPECT_THAT(xml, AllOf(HasSubstr("failures=\"0\""), HasSubstr("skipped=\"2\""),
                         HasSubstr("<skipped message=\"known: 1 violation: Agent a-1")));
  EXPECT_THAT(xml, Not(HasSubstr("<failure")));
}

TEST(KnownViolations, TheNewOneAmongThemIsToldFirst) {
  Report report = known_report();
  InvariantResult& result = report.invariants.back();
  result.verdict = report.verdict = Verdict::kFail;
  result.violations.push_back({.summary = "Agent b-1 is a stranger."});
  ++result.violations_total;
  EXPECT_THAT(
      to_junit({report}),
      HasSubstr("<failure type=\"violation\" message=\"2 violations, 1 of them known: Agent b-1"));
}

}  // namespace
}  // namespace report::testing
