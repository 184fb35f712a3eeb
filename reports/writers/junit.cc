#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "reports/writers/text.h"
#include "reports/writers/writers.h"

namespace report {
namespace {

/// For text and attributes. XML 1.0 has no way to write most control characters.
std::string xml(std::string_view text) {
  std::string out;
  for (const char32_t c : decode_utf8(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\n':
        out += "&#10;";
        break;
      case '\r':
        out += "&#13;";
        break;
      case '\t':
        out += "&#9;";
        break;
      default:
        append_utf8(out, c < 0x20 || c == 0xFFFE || c == 0xFFFF ? 0xFFFD : c);
    }
  }
  return out;
}

/// What the attributes say, and the test cases they count.
struct Suite {
  std::size_t tests = 0;
  std::size_t failures = 0;
  std::size_t errors = 0;
  std::size_t skipped = 0;
  std::string cases;

  void add(std::string_view suite, std::string_view id, Verdict verdict, const std::string& message,
           const std::string& body) {
    ++tests;
    cases +=
        fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"0\"", xml(suite), xml(id));
    const auto element = [&](std::string_view name, std::string_view type) {
      cases += fmt::format(">\n      <{0}{1} message=\"{2}\">{3}</{0}>\n    </testcase>\n", name,
                           type, xml(message), xml(body));
    };
    switch (verdict) {
      case Verdict::kPass:
        cases += "/>\n";
        break;
      case Verdict::kFail:
        ++failures, element("failure", " type=\"violation\"");
        break;
      case Verdict::kUnknown:
        ++errors, element("error", " type=\"unknown\"");
        break;
      case Verdict::kNotApplicable:
      case Verdict::kKnown:
        ++skipped, element("skipped", "");
        break;
    }
  }
};

std::string told(const Report& report, const InvariantResult& result) {
  std::string body;
  for (const Violation& violation : result.violations) {
    body += (violation.known ? "known: " : "") + violation.summary + "\n";
    for (const std::string& line : violation.operations) body += "  " + line + "\n";
    if (!violation.fault.empty()) body += "  fault before it: " + violation.fault + "\n";
    if (!violation.registry_before.empty()) body += "  before: " + violation.registry_before + "\n";
    if (!violation.registry_after.empty()) body += "  after:  " + violation.registry_after + "\n";
  }
  return body + fmt::format("reproduce: {}\n", shell_command(report.command));
}

Suite make_suite(const Report& report) {
  Suite suite;
  bool explained = report.verdict == Verdict::kPass;
  for (const InvariantResult& result : report.invariants) {
    explained = explained || result.verdict == report.verdict;
    const bool violated = !result.violations.empty();
    const std::string message =
        violated ? fmt::format("{}: {}", violations_line(result), foremost(result).summary)
                 : result.evidence;
    suite.add(report.name, result.id, result.verdict, message,
              violated ? told(report, result) : result.evidence);
  }
  // A run that ended otherwise than its invariants must not look green.
  if (!explained) suite.add(report.name, "run", report.verdict, report.reason, report.reason);
  return suite;
}

std::string properties(const Report& report) {
  std::string out = "    <properties>\n";
  const auto property = [&out](std::string_view name, std::string_view value) {
    out += fmt::format("      <property name=\"{}\" value=\"{}\"/>\n", xml(name), xml(value));
  };
  property("seed", std::to_string(report.seed));
  property("reproducible", report.reproducible);
  property("engine", report.engine);
  property("target", report.target);
  property("version", report.version);
  return out + "    </properties>\n";
}

}  // namespace

std::string to_junit(const std::vector<Report>& reports) {
  Suite all;
  double seconds = 0;
  std::string suites;
  for (const Report& report : reports) {
    const Suite suite = make_suite(report);
    all.tests += suite.tests;
    all.failures += suite.failures;
    all.errors += suite.errors;
    all.skipped += suite.skipped;
    seconds += report.duration_s;
    // The common schema's timestamp carries no zone; it is UTC.
    const std::string started = report.started_at.substr(0, report.started_at.find_first_of("Z."));
    suites += fmt::format(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" "
        "time=\"{:.3f}\" timestamp=\"{}\">\n{}{}  </testsuite>\n",
        xml(report.name), suite.tests, suite.failures, suite.errors, suite.skipped,
        report.duration_s, xml(started), properties(report), suite.cases);
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites name=\"spawnstorm\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" "
      "time=\"{:.3f}\">\n{}</testsuites>\n",
      all.tests, all.failures, all.errors, all.skipped, seconds, suites);
}

}  // namespace report
