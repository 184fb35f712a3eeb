#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "reports/writers/text.h"
#include "reports/writers/writers.h"

namespace report {
namespace {

std::string_view colour_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "\x1b[32m";
    case Verdict::kFail:
      return "\x1b[1;31m";
    case Verdict::kUnknown:
      return "\x1b[33m";
    case Verdict::kNotApplicable:
      return "\x1b[2m";
    case Verdict::kKnown:
      return "\x1b[35m";
  }
  return "";
}

class Page {
 public:
  explicit Page(bool colour) : colour_(colour) {}

  [[nodiscard]] std::string word(Verdict verdict, std::size_t columns) const {
    const std::string padded = fmt::format("{:<{}}", verdict_word(verdict), columns);
    return colour_ ? fmt::format("{}{}\x1b[0m", colour_of(verdict), padded) : padded;
  }

  /// `first` in front of the first line, blanks in front of the others; `indent` is its width.
  void paragraph(std::string_view first, std::size_t indent, std::string_view text) {
    append_wrapped(out_, first, indent, text);
  }
  void line(std::string_view text) { out_.append(text).push_back('\n'); }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  bool colour_;
  std::string out_;
};

void write_table(Page& page, const Report& report) {
  std::size_t id_width = std::string_view("invariant").size();
  for (const InvariantResult& result : report.invariants) {
    id_width = std::max(id_width, std::min<std::size_t>(width(one_line(result.id)), 30));
  }
  page.line(
      fmt::format("{:<8} {:<{}} {:>9}  evidence", "verdict", "invariant", id_width, "checked"));
  for (const InvariantResult& result : report.invariants) {
    const std::string id = wrap(result.id, id_width).front();
    const std::string lead =
        fmt::format("{} {}{} {:>9}  ", page.word(result.verdict, 8), id,
                    std::string(id_width - std::min(id_width, width(id)), ' '), result.checked);
    page.paragraph(lead, 8 + 1 + id_width + 1 + 9 + 2, result.evidence);
  }
}

void write_violations(Page& page, const Report& report) {
  for (const InvariantResult& result : report.invariants) {
    std::size_t number = 0;
    for (const Violation& violation : result.violations) {
      page.line("");
      const std::string word = page.word(violation.known ? Verdict::kKnown : Verdict::kFail, 4);
      page.paragraph(word + " ", violation.known ? 6 : 5,
                     fmt::format("{} {}/{}: {}", result.id, ++number, result.violations_total,
                                 violation.summary));
      for (const std::string& operation : violation.operations) {
        page.paragraph("     ", 9, operation);
      }
      const auto labelled = [&page](std::string_view label, const std::string& text) {
        if (!text.empty()) page.paragraph(label, 21, text);
      };
      labelled("     fault before it ", violation.fault);
      labelled("     record before   ", violation.registry_before);
      labelled("     record after    ", violation.registry_after);
    }
    if (result.violations_total > result.violations.size() && !result.violations.empty()) {
      page.line(fmt::format("     … and {} more of {}",
                            result.violations_total - result.violations.size(),
                            one_line(result.id)));
    }
  }
}

void write_faults(Page& page, const Report& report) {
  if (report.faults.empty()) return;
  page.line("");
  // A line of a fault plan is long, and its end is what tells it from others.
  std::size_t columns = 40;
  for (const FaultLine& line : report.faults) columns = std::max(columns, width(line.cls));
  columns = std::min<std::size_t>(columns, 64);
  const auto row = [&](std::string_view kind, std::string_view cls, const auto& drawn,
                       const auto& injected) {
    page.line(fmt::format("{:<16} {:<{}} {:>8} {:>9}", kind, cls, columns, drawn, injected));
  };
  row("fault", "class", "drawn", "injected");
  for (const FaultLine& line : report.faults) {
    const std::vector<std::string> classes = wrap(line.cls, columns);
    row(wrap(line.kind, 16).front(), classes.front(), line.drawn, line.injected);
    for (const std::string& rest : std::span(classes).subspan(1)) {
      page.line(fmt::format("{:<16} {}", "", rest));
    }
  }
}

void write_latency(Page& page, const Report& report) {
  if (report.latency.empty()) return;
  page.line("");
  page.line(fmt::format("{:<16} {:>8} {:>12} {:>12} {:>12}", "operation", "count", "p50 ms",
                        "p99 ms", "max ms"));
  for (const LatencyLine& line : report.latency) {
    page.line(fmt::format("{:<16} {:>8} {:>12.1f} {:>12.1f} {:>12.1f}",
                          wrap(line.operation, 16).front(), line.count, line.p50_ms, line.p99_ms,
                          line.max_ms));
  }
}

}  // namespace

std::string to_terminal(const Report& report, bool colour) {
  Page page(colour);
  page.paragraph("", 0, (is_clients(report) ? "check" : report.name) + ": " + run_line(report));
  page.line("");
  write_table(page, report);
  write_violations(page, report);
  write_faults(page, report);
  write_latency(page, report);
  page.line("");
  page.paragraph("", 0, totals_line(report));
  for (const std::string& note : report.notes) page.paragraph("note: ", 6, note);
  if (report.verdict != Verdict::kPass && !report.command.empty()) {
    page.paragraph("reproduce: ", 11, reproduce_hint(report));
    page.line("  " + one_line(shell_command(report.command)));  // unbroken, to be copied
  }
  const auto broken =
      std::ranges::count(report.invariants, Verdict::kFail, &InvariantResult::verdict);
  std::string last = fmt::format("seed {}", report.seed);
  if (is_audit(report)) last = "audit";
  if (is_clients(report)) last = "history";
  if (broken > 0)
    last += fmt::format(", {} broken", count_of(static_cast<std::uint64_t>(broken), "invariant"));
  if (const std::uint64_t known = known_violations(report); known > 0)
    last += ", " + count_of(known, "known violation");
  if (!report.reason.empty()) last += ": " + report.reason;
  page.paragraph(page.word(report.verdict, 7) + " ", 8, last);
  return page.take();
}

}  // namespace report
