#pragma once

#include <string>
#include <string_view>

#include "orchestrator/registry/record.h"

namespace orc {

// JSON that somebody else wrote. Pure.

/// Deeper than anybody writes: what walks through JSON by recursion would run out of stack.
inline constexpr int kNestingMax = 200;
bool nests_too_deep(std::string_view text);

/// A member's text or whole number, or the fallback where it is absent or something else.
std::string text_of(const Json& json, const char* key, const std::string& fallback = {});
int number_of(const Json& json, const char* key, int fallback);

/// Adds what the source tells elsewhere, under a name that the record itself does not use: `name`,
/// with "source_" before it as often as needed. Nothing where `more` is empty.
void keep(Json& fields, std::string name, Json more);

}  // namespace orc
