#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "reports/writers/text.h"
#include "reports/writers/writers.h"

namespace report {
namespace {

constexpr std::size_t kBytesMax = 60UL * 1024;  // a CI job summary may have 64 KiB
constexpr std::array kVerdicts = {PointVerdict::kOk,         PointVerdict::kRecovered,
                                  PointVerdict::kViolation,  PointVerdict::kUnknown,
                                  PointVerdict::kNotReached, PointVerdict::kNotRun};

std::string_view colour_of(PointVerdict verdict) {
  switch (verdict) {
    case PointVerdict::kOk:
    case PointVerdict::kRecovered:
      return "\x1b[32m";
    case PointVerdict::kViolation:
      return "\x1b[1;31m";
    default:
      return "\x1b[33m";
  }
}

std::string head_line(const Crashes& crashes) {
  return fmt::format(
      "{} on target {}, {} sessions: seed {}, explore ({}), injection by supervisor; a crash kills "
      "{}",
      crashes.operation, crashes.target, crashes.sessions, crashes.seed, crashes.reproducible,
      crashes.victim);
}

/// Said only where it is so.
std::string coverage_line(const Crashes& crashes) {
  if (crashes.exhaustive) {
    return fmt::format("exhaustive over the watched operations: {}",
                       count_of(crashes.points.size(), "point"));
  }
  if (crashes.only != 0) return fmt::format("point {} alone", crashes.only);
  std::string line = "not exhaustive";
  bool all = true;
  for (const PointVerdict verdict :
       {PointVerdict::kUnknown, PointVerdict::kNotReached, PointVerdict::kNotRun}) {
    const std::size_t count = count_of(crashes, verdict);
    if (count > 0) line += fmt::format(", {} {}", count, to_string(verdict));
    all = all && count == 0;
  }
  if (all) {
    line = fmt::format("not exhaustive: all {} ran, but not all effects were seen (see the notes)",
                       count_of(crashes.points.size(), "point"));
  }
  return line;
}

std::string tally_line(const Crashes& crashes) {
  std::string line = count_of(crashes.points.size(), "point") + ":";
  for (const PointVerdict verdict : kVerdicts) {
    const std::size_t count = count_of(crashes, verdict);
    if (count > 0) line += fmt::format(" {} {},", count, to_string(verdict));
  }
  double seconds = 0;
  std::size_t run = 0;
  for (const PointResult& point : crashes.points) {
    seconds += point.seconds;
    run += point.seconds > 0 ? 1 : 0;
  }
  if (run > 0) line += fmt::format(" {:.1f} s each,", seconds / static_cast<double>(run));
  return line + fmt::format(" {:.1f} s in all", crashes.duration_s);
}

/// What is to be said of a point besides its row.
std::string remark(const PointResult& point) {
  std::string text;
  for (const InvariantResult& broken : point.broken) {
    text += (text.empty() ? "" : ", ") + broken.id;
    if (broken.verdict == Verdict::kKnown) text += " [known]";
  }
  if (!text.empty() && !point.reproducible.empty()) text += " (" + point.reproducible + ")";
  if (point.verdict == PointVerdict::kUnknown) text += point.reason;
  return text;
}

std::string number_of(const PointResult& point) {
  return point.number == 0 ? "-" : fmt::format("{}", point.number);
}

void append_row(std::string& out, const PointResult& point, bool colour) {
  constexpr std::size_t kIndent = 4 + 2 + 11 + 2 + 16 + 2 + 7 + 2;
  const std::string verdict = fmt::format("{:<11}", to_string(point.verdict));
  const std::string reply = clip(one_line(point.reply), 7);
  const std::string lead =
      fmt::format("{:>4}  {}  {:<16}  {:<7}  ", number_of(point),
                  colour ? fmt::format("{}{}\x1b[0m", colour_of(point.verdict), verdict) : verdict,
                  point.variant, reply);
  append_wrapped(out, lead, kIndent, point.at);
  const std::string more = remark(point);
  if (!more.empty()) append_wrapped(out, std::string(kIndent, ' '), kIndent, more);
}

void append_violations(std::string& out, const PointResult& point, std::size_t each_max) {
  for (const InvariantResult& broken : point.broken) {
    std::size_t told = 0;
    for (const Violation& violation : broken.violations) {
      if (told++ == each_max) break;
      append_wrapped(
          out, fmt::format("{:>4}  ", number_of(point)), 6,
          fmt::format("{}{}: {}", violation.known ? "known: " : "", broken.id, violation.summary));
      for (const std::string& operation : violation.operations) {
        append_wrapped(out, "      ", 10, operation);
      }
      if (!violation.fault.empty()) append_wrapped(out, "      fault  ", 13, violation.fault);
      if (!violation.registry_before.empty()) {
        append_wrapped(out, "      before ", 13, violation.registry_before);
      }
      if (!violation.registry_after.empty()) {
        append_wrapped(out, "      after  ", 13, violation.registry_after);
      }
    }
  }
}

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : clip(one_line(text), 300)) {
    if (std::string_view("\\`*_[]|#~<>&").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string to_terminal(const Crashes& crashes, bool colour) {
  std::string out;
  append_wrapped(out, "", 0, "crashes: " + head_line(crashes));
  out += "\ncalls of the operation\n";
  for (std::size_t i = 0; i < crashes.calls.size(); ++i) {
    append_wrapped(out, fmt::format("{:>4}  ", i + 1), 6, crashes.calls[i]);
  }
  out += "\n  no  verdict      variant           reply    at\n";
  append_row(out, crashes.control, colour);
  for (const PointResult& point : crashes.points) append_row(out, point, colour);
  const std::size_t each_max = crashes.only != 0 ? 20 : 1;
  std::string violations;
  append_violations(violations, crashes.control, each_max);
  for (const PointResult& point : crashes.points) append_violations(violations, point, each_max);
  if (!violations.empty()) out += "\nviolations\n" + violations;
  if (crashes.only != 0) {
    for (const PointResult& point : crashes.points) {
      if (!point.blow.empty()) append_wrapped(out, "\nfell as ", 8, point.blow);
    }
  }
  out += "\n";
  append_wrapped(out, "", 0, tally_line(crashes));
  for (const std::string& note : crashes.notes) append_wrapped(out, "note: ", 6, note);
  if (crashes.verdict != Verdict::kPass && !crashes.command.empty()) {
    out += "reproduce:\n  " + one_line(shell_command(crashes.command)) + "\n";  // to be copied
  }
  append_wrapped(out, fmt::format("{}  ", verdict_word(crashes.verdict)), 8,
                 coverage_line(crashes));
  return out;
}

std::string to_markdown(const Crashes& crashes) {
  std::string out =
      fmt::format("## crashes: {}\n\n{}. {}; {}.\n\n", verdict_word(crashes.verdict),
                  cell(head_line(crashes)), tally_line(crashes), coverage_line(crashes));
  out += "| no | verdict | variant | reply | at | |\n|--:|---|---|---|---|---|\n";
  const auto add = [&out](const PointResult& point) {
    if (out.size() > kBytesMax) return;
    out +=
        fmt::format("| {} | {} | {} | {} | {} | {} |\n", number_of(point), to_string(point.verdict),
                    point.variant, cell(clip(point.reply, 7)), cell(point.at), cell(remark(point)));
  };
  add(crashes.control);
  for (const PointResult& point : crashes.points) add(point);
  out += "\n";
  for (const std::string& note : crashes.notes) out += "- " + cell(note) + "\n";
  return out;
}

std::string to_repro_script(const Crashes& crashes) {
  Report report;
  report.name = "crashes";
  report.verdict = crashes.verdict;
  report.seed = crashes.seed;
  report.engine = "explore";
  report.reproducible = crashes.reproducible;
  report.injection = "supervisor";
  report.target = crashes.target;
  report.command = crashes.command;
  return to_repro_script(report);
}

}  // namespace report
