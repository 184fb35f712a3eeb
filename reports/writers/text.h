#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "reports/model/report.h"

namespace report {

/// What the writers share. All take any bytes: what is not UTF-8 becomes U+FFFD.

/// PASS, FAIL, UNKNOWN, KNOWN or n/a.
std::string_view verdict_word(Verdict verdict);
/// "1 snapshot", "2 snapshots".
std::string count_of(std::uint64_t number, std::string_view noun);

/// Code points; bytes that are not UTF-8 as U+FFFD.
std::u32string decode_utf8(std::string_view bytes);
void append_utf8(std::string& out, char32_t code_point);

/// One line without control characters, so that no name in it can move a cursor or break a row.
std::string one_line(std::string_view text);
/// The first `bytes_max` bytes, cut between characters, and "…" where something was cut.
std::string clip(std::string_view text, std::size_t bytes_max);
/// one_line() broken between words into lines of up to `columns` code points; longer words are cut.
/// At least one line.
std::vector<std::string> wrap(std::string_view text, std::size_t columns);
/// Code points.
std::size_t width(std::string_view text);
/// `text` wrapped, with `lead` in front of its first line and `indent` blanks in front of the
/// others, so that no line has more than `columns`; `indent` is to be the width of `lead`.
void append_wrapped(std::string& out, std::string_view lead, std::size_t indent,
                    std::string_view text, std::size_t columns = 100);

/// For a shell: in single quotes where it must be.
std::string shell_quote(std::string_view word);
std::string shell_command(const std::vector<std::string>& argv);

/// A look at a live installation: it has no seed, no operations and no faults.
bool is_audit(const Report& report);
/// A history of somebody else's clients, judged: nothing was run.
bool is_clients(const Report& report);
/// Known and new ones: "3 violations, 2 of them known".
std::string violations_line(const InvariantResult& result);
/// The first new violation of one that has any, else the first.
const Violation& foremost(const InvariantResult& result);
/// Of all invariants.
std::uint64_t known_violations(const Report& report);
/// "98 of 100 spawns acknowledged, …": the totals in one sentence.
std::string totals_line(const Report& report);
/// "seed 42, storm (statistical), target builtin, …"
std::string run_line(const Report& report);
/// How to make the run again, and what to expect of that.
std::string reproduce_hint(const Report& report);

}  // namespace report
