#include "reports/writers/text.h"

#include <algorithm>

#include <fmt/format.h>

namespace report {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

/// The length of the well-formed sequence that `bytes` begins with; 0: none.
std::size_t sequence(std::string_view bytes, char32_t& code_point) {
  const auto byte = [&bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char lead = byte(0);
  std::size_t length = 0;
  char32_t least = 0;
  if (lead < 0x80) {
    code_point = lead;
    return 1;
  }
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2, least = 0x80, code_point = lead & 0x1F;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3, least = 0x800, code_point = lead & 0x0F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4, least = 0x10000, code_point = lead & 0x07;
  }
  if (length == 0 || bytes.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    code_point = (code_point << 6) | (byte(i) & 0x3F);
  }
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  return code_point < least || surrogate || code_point > 0x10FFFF ? 0 : length;
}

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7F && c < 0xA0); }

/// Characters that make what follows run the other way, or hide.
bool is_direction(char32_t c) {
  return (c >= 0x200E && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

std::string_view verdict_word(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "PASS";
    case Verdict::kFail:
      return "FAIL";
    case Verdict::kUnknown:
      return "UNKNOWN";
    case Verdict::kNotApplicable:
      return "n/a";
    case Verdict::kKnown:
      return "KNOWN";
  }
  return "UNKNOWN";
}

std::string count_of(std::uint64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

std::u32string decode_utf8(std::string_view bytes) {
  std::u32string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    char32_t code_point = 0;
    const std::size_t length = sequence(bytes, code_point);
    out.push_back(length == 0 ? kReplacement : code_point);
    bytes.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | (c >> 6));
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3F));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

std::string one_line(std::string_view text) {
  std::string out;
  for (const char32_t c : decode_utf8(text)) {
    if (c == '\n' || c == '\t' || c == '\r') {
      out += ' ';
    } else {
      append_utf8(out, is_control(c) || is_direction(c) ? kReplacement : c);
    }
  }
  return out;
}

std::string clip(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

std::size_t width(std::string_view text) { return decode_utf8(text).size(); }

std::vector<std::string> wrap(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines;
  std::u32string rest = decode_utf8(one_line(text));
  do {
    std::size_t cut = rest.size();
    std::size_t next = cut;
    if (rest.size() > columns) {
      const std::size_t space = rest.rfind(U' ', columns);
      const bool between_words = space != std::u32string::npos && space > 0;
      cut = between_words ? space : columns;
      next = between_words ? space + 1 : columns;
    }
    std::string line;
    for (const char32_t c : rest.substr(0, cut)) append_utf8(line, c);
    lines.push_back(std::move(line));
    rest.erase(0, next);
  } while (!rest.empty());
  return lines;
}

void append_wrapped(std::string& out, std::string_view lead, std::size_t indent,
                    std::string_view text, std::size_t columns) {
  std::string first(lead);
  for (const std::string& line : wrap(text, columns - std::min(indent, columns - 1))) {
    const std::size_t end = line.find_last_not_of(' ');
    out += first + (end == std::string::npos ? "" : line.substr(0, end + 1)) + "\n";
    first.assign(indent, ' ');
  }
}

std::string violations_line(const InvariantResult& result) {
  std::string line = count_of(result.violations_total, "violation");
  if (result.violations_known == 0) return line;
  return result.violations_known == result.violations_total
             ? "known: " + line
             : fmt::format("{}, {} of them known", line, result.violations_known);
}

const Violation& foremost(const InvariantResult& result) {
  const auto fresh = std::ranges::find(result.violations, false, &Violation::known);
  return fresh == result.violations.end() ? result.violations.front() : *fresh;
}

std::uint64_t known_violations(const Report& report) {
  std::uint64_t known = 0;
  for (const InvariantResult& result : report.invariants) known += result.violations_known;
  return known;
}

std::string shell_quote(std::string_view word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos) {
    return std::string(word);
  }
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string shell_command(const std::vector<std::string>& argv) {
  std::string out;
  for (const std::string& word : argv) out += (out.empty() ? "" : " ") + shell_quote(word);
  return out;
}

bool is_audit(const Report& report) { return report.engine == "audit"; }

bool is_clients(const Report& report) { return report.engine == "clients"; }

std::string totals_line(const Report& report) {
  if (is_clients(report)) {
    const auto read = report.settings.find("read_s");
    return fmt::format("read in {} s, judged in {:.2f} s",
                       read == report.settings.end() ? "?" : read->second, report.duration_s);
  }
  if (is_audit(report)) return fmt::format("nothing was changed; {:.1f} s", report.duration_s);
  const Totals& t = report.totals;
  return fmt::format(
      "{} of {} acknowledged, {} refused, {} of unknown outcome; {}; {}; {} of {} injected, {} in "
      "all; "
      "{:.1f} s",
      t.spawns_acknowledged, count_of(t.spawns_required, "spawn"), t.spawns_refused, t.spawns_info,
      count_of(t.operations, "operation"), count_of(t.snapshots, "snapshot"), t.crashes_injected,
      t.crashes_drawn == 1 ? "1 crash" : fmt::format("{} crashes", t.crashes_drawn),
      count_of(t.faults_injected, "fault"), report.duration_s);
}

std::string run_line(const Report& report) {
  if (is_audit(report)) {
    const auto workspace = report.settings.find("workspace");
    return fmt::format("target {}, live workspace {}", report.target,
                       workspace == report.settings.end() ? "" : workspace->second);
  }
  if (is_clients(report)) return fmt::format("model {}, {}", report.target, report.name);
  std::string line = fmt::format("seed {}, {} ({}), target {}", report.seed, report.engine,
                                 report.reproducible, report.target);
  if (!report.injection.empty()) line += fmt::format(", injection by {}", report.injection);
  return line;
}

std::string reproduce_hint(const Report& report) {
  if (is_audit(report)) return "The same command looks again, at what is there by then.";
  return report.reproducible == "exact"
             ? "The same command makes the same run again."
             : "The same command draws the same faults; threads and processes may interleave "
               "otherwise, so it may take several runs to see it again.";
}

}  // namespace report
