#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/base/subprocess.h"

namespace stress {

/// How a command ended, in words: "exit 3: no such agent", "killed by signal 9", "no reply within
/// 30000 ms".
std::string how_it_ended(const base::Outcome& outcome, std::chrono::milliseconds timeout);

/// As much of a program's words as has a place in a history.
std::string in_short(std::string_view text);

/// What a command's output says. All take its whole output, or else its last line, as JSON, and a
/// JSON pointer into that; or kFromOutput.

/// Where a regular expression (ECMAScript) is met first: its group. nullopt: nowhere. Of a text of
/// more than 4 KB the whole lines within so much of its beginning and of its end are searched.
std::optional<std::string> find_text(const std::string& text, const std::string& pattern);
/// Whether it is met anywhere there; an empty one never is.
bool says(const std::string& text, const std::string& pattern);

/// A text or a number. nullopt: there is none.
std::optional<std::string> read_id(const std::string& output, std::string_view pointer);
/// Of an array of texts, an array of objects with an id at `id`, or an object by id. nullopt: there
/// is no such thing.
std::optional<std::vector<std::string>> read_ids(const std::string& output,
                                                 std::string_view pointer, std::string_view id);
/// A whole number, or the size of an array. nullopt: neither.
std::optional<std::int64_t> read_number(const std::string& output, std::string_view pointer);

}  // namespace stress
