#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "reports/writers/markdown_text.h"
#include "reports/writers/text.h"
#include "reports/writers/writers.h"

namespace report {
namespace {

constexpr std::size_t kBytesMax = 60UL * 1024;  // a summary may have 64 KiB
constexpr std::size_t kTailBytes = 4UL * 1024;  // kept for what follows the violations
constexpr std::size_t kRecordBytes = 2UL * 1024;
constexpr std::size_t kCellBytes = 300;
constexpr std::size_t kCommandBytes = 2UL * 1024;

std::string section(const InvariantResult& result, const Violation& violation) {
  std::string code;
  const auto line = [&code](std::string_view label, std::string_view text) {
    if (!text.empty()) code += fmt::format("{}{}\n", label, clip(one_line(text), kRecordBytes));
  };
  for (const std::string& operation : violation.operations) line("", operation);
  line("fault before it: ", violation.fault);
  line("record before:   ", violation.registry_before);
  line("record after:    ", violation.registry_after);
  return fmt::format("**{}**{}: {}\n\n{}", plain(result.id, kCellBytes),
                     violation.known ? " (known)" : "", plain(violation.summary, kRecordBytes),
                     code.empty() ? "" : fenced(code));
}

std::string table(const Report& report) {
  std::string out = "| verdict | invariant | checked | evidence |\n|---|---|--:|---|\n";
  for (const InvariantResult& result : report.invariants) {
    out += fmt::format("| {} | {} | {} | {} |\n", verdict_word(result.verdict),
                       plain(result.id, kCellBytes), result.checked,
                       plain(result.evidence, kCellBytes));
  }
  return out + "\n";
}

std::string faults(const Report& report) {
  if (report.faults.empty()) return "";
  std::string out = "| fault | class | drawn | injected |\n|---|---|--:|--:|\n";
  for (const FaultLine& line : report.faults) {
    out += fmt::format("| {} | {} | {} | {} |\n", plain(line.kind, kCellBytes),
                       plain(line.cls, kCellBytes), line.drawn, line.injected);
  }
  return out + "\n";
}

/// As many as fit; says how many do not.
std::string violations(const Report& report, std::size_t bytes_max) {
  std::string out;
  std::uint64_t left_out = 0;
  for (const InvariantResult& result : report.invariants) {
    std::uint64_t told = 0;
    for (const Violation& violation : result.violations) {
      const std::string text = section(result, violation);
      if (out.size() + text.size() > bytes_max) break;
      out += text;
      ++told;
    }
    left_out += std::max<std::uint64_t>(result.violations_total, told) - told;
  }
  if (out.empty() && left_out == 0) return "";
  if (left_out > 0) out += fmt::format("{} more in report.json.\n\n", left_out);
  return "### Violations\n\n" + out;
}

}  // namespace

std::string to_markdown(const Report& report) {
  std::string head = fmt::format("## {}: {}\n\n{}.\n\n", plain(report.name, kCellBytes),
                                 verdict_word(report.verdict), plain(run_line(report), kCellBytes));
  if (!report.reason.empty()) head += plain(report.reason, kRecordBytes) + "\n\n";
  if (const std::uint64_t known = known_violations(report); known > 0) {
    head += fmt::format("{} of the baseline.\n\n", count_of(known, "known violation"));
  }
  head += table(report);
  std::string tail = plain(totals_line(report), kRecordBytes) + ".\n\n" + faults(report);
  for (const std::string& note : report.notes) tail += "- " + plain(note, kCellBytes) + "\n";
  if (!report.notes.empty()) tail += "\n";
  if (report.verdict != Verdict::kPass && !report.command.empty()) {
    tail += "### Reproduce\n\n" +
            fenced(clip(one_line(shell_command(report.command)), kCommandBytes) + "\n") +
            reproduce_hint(report) + "\n";
  }
  tail = clip(tail, kBytesMax / 2);
  head = clip(head, kBytesMax / 2 - kTailBytes);
  const std::size_t used = head.size() + tail.size();
  return head + violations(report, kBytesMax - std::min(used, kBytesMax)) + tail;
}

}  // namespace report
