#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace stress {

/// `{name}` in the texts of a target file: lower-case letters, digits and `_`, a letter first. What
/// only looks like one is left alone: `${name}` (a shell's), `#{name}` (tmux's), and `{{name}}`,
/// which stands for the text `{name}`.
using Placeholders = std::map<std::string, std::string, std::less<>>;

/// The names in a text, in order, each once.
std::vector<std::string> placeholders_in(std::string_view text);

/// Replaces those that `values` knows, once: what a value contains is not looked at again.
std::string expand(std::string_view text, const Placeholders& values);
std::vector<std::string> expand(const std::vector<std::string>& texts, const Placeholders& values);

/// The same before another expand(): `{{name}}` stays as it stands.
std::string fill_in(std::string_view text, const Placeholders& values);

/// Whether a name could be that of a placeholder.
bool is_placeholder_name(std::string_view name);

}  // namespace stress
