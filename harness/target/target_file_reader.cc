#include "harness/target/target_file_reader.h"

#include <algorithm>
#include <regex>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/target/placeholders.h"

namespace stress {
namespace {

using nlohmann::json;

bool is_list_of_texts(const json& value) {
  return value.is_array() &&
         std::ranges::all_of(value, [](const json& item) { return item.is_string(); });
}

/// As a JSON pointer spells it.
std::string escaped(const std::string& name) {
  std::string result;
  for (const char c : name) result += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return result;
}

std::string braced(const Names& names) {
  std::string result;
  for (const std::string& name : names) {
    if (!result.empty()) result += ' ';
    result.append("{").append(name).append("}");
  }
  return result;
}

}  // namespace

Member Member::operator/(const std::string& name) const {
  Member inner{nullptr, at + "/" + escaped(name)};
  if (value != nullptr && value->is_object()) {
    const auto found = value->find(name);
    if (found != value->end()) inner.value = &*found;
  }
  return inner;
}

std::vector<Member> Member::elements() const {
  std::vector<Member> result;
  if (!is_array()) return result;
  for (std::size_t i = 0; i < value->size(); ++i) {
    result.push_back({&(*value)[i], fmt::format("{}/{}", at, i)});
  }
  return result;
}

std::vector<std::pair<std::string, Member>> Member::members() const {
  std::vector<std::pair<std::string, Member>> result;
  if (value == nullptr || !value->is_object()) return result;
  for (const auto& [name, inner] : value->items()) result.emplace_back(name, *this / name);
  return result;
}

void MemberReader::wrong(const Member& member, const std::string& what) {
  if (!mistake_) mistake_ = document_.wrong(member.at, what).error();
}

void MemberReader::require(const Member& member, const std::string& what) {
  if (!member.present()) wrong(member, "is missing: " + what);
}

bool MemberReader::object(const Member& member, const Names& known) {
  if (!member.present()) return false;
  if (!member.value->is_object()) {
    wrong(member, fmt::format("must be an object with {}, not {}", fmt::join(known, ", "),
                              member.value->dump()));
    return false;
  }
  for (const auto& [name, inner] : member.members()) {
    if (known.contains(name)) continue;
    wrong(inner, fmt::format("no such member; known are {}", fmt::join(known, ", ")));
    return false;
  }
  return true;
}

std::string MemberReader::text(const Member& member) {
  if (!member.present()) return {};
  if (member.value->is_string() && !member.value->get_ref<const std::string&>().empty()) {
    return member.value->get<std::string>();
  }
  wrong(member, "must be a text, not " + member.value->dump());
  return {};
}

std::vector<std::string> MemberReader::texts(const Member& member) {
  if (!member.present()) return {};
  if (is_list_of_texts(*member.value)) return member.value->get<std::vector<std::string>>();
  wrong(member, "must be a list of texts, not " + member.value->dump());
  return {};
}

bool MemberReader::flag(const Member& member, bool fallback) {
  if (!member.present()) return fallback;
  if (member.value->is_boolean()) return member.value->get<bool>();
  wrong(member, "must be true or false, not " + member.value->dump());
  return fallback;
}

std::optional<int> MemberReader::whole(const Member& member, int least, int most) {
  if (!member.present()) return std::nullopt;
  if (member.value->is_number_integer()) {
    const auto number = member.value->get<std::int64_t>();
    if (number >= least && number <= most) return static_cast<int>(number);
  }
  wrong(member, fmt::format("must be a whole number from {} to {}, not {}", least, most,
                            member.value->dump()));
  return std::nullopt;
}

std::set<int> MemberReader::exit_codes(const Member& member) {
  std::set<int> codes;
  if (!member.present()) return codes;
  if (!member.is_array()) wrong(member, "must be a list of exit codes, e.g. [3]");
  for (const Member& element : member.elements()) {
    if (const auto code = whole(element, 0, 255)) codes.insert(*code);
  }
  return codes;
}

std::string MemberReader::one_of(const Member& member, const std::vector<std::string>& choices) {
  std::string chosen = text(member);
  if (member.present() && std::ranges::find(choices, chosen) == choices.end()) {
    wrong(member,
          fmt::format("must be one of {}, not {}", fmt::join(choices, ", "), member.value->dump()));
  }
  return chosen;
}

std::string MemberReader::pointer(const Member& member) {
  if (member.present() && *member.value == json("")) return {};  // the whole document
  std::string result = text(member);
  if (result.empty()) return result;
  try {
    const json::json_pointer parsed(result);
  } catch (const json::exception&) {
    wrong(member, fmt::format("must be a JSON pointer such as \"/agents\", not \"{}\"", result));
  }
  return result;
}

void MemberReader::check_placeholders(const Member& member, const std::string& text,
                                      const Names& known) {
  for (const std::string& name : placeholders_in(text)) {
    if (known.contains(name)) continue;
    wrong(member, fmt::format("{{{}}} is nothing known here; there are {}, and what \"parameters\" "
                              "names",
                              name, braced(known)));
  }
}

std::string MemberReader::template_text(const Member& member, const Names& known) {
  std::string result = text(member);
  check_placeholders(member, result, known);
  return result;
}

std::vector<std::string> MemberReader::templates(const Member& member, const Names& known) {
  std::vector<std::string> result = texts(member);
  for (const Member& element : member.elements()) {
    if (element.value->is_string()) {
      check_placeholders(element, element.value->get<std::string>(), known);
    }
  }
  return result;
}

void MemberReader::check_texts_within(const Member& member, const Names& known) {
  if (member.value->is_string()) {
    check_placeholders(member, member.value->get<std::string>(), known);
  }
  for (const Member& element : member.elements()) check_texts_within(element, known);
  for (const auto& [name, inner] : member.members()) check_texts_within(inner, known);
}

std::string MemberReader::template_object(const Member& member, const Names& known) {
  if (!member.present()) return "{}";
  if (!member.value->is_object()) {
    wrong(member, "must be an object of arguments, not " + member.value->dump());
    return "{}";
  }
  check_texts_within(member, known);
  return member.value->dump();
}

std::string MemberReader::pattern(const Member& member, unsigned groups) {
  std::string result = text(member);
  if (result.empty()) return result;
  try {
    if (std::regex(result).mark_count() >= groups) return result;
    wrong(member, fmt::format("must have a group, as in \"agent ([a-z0-9]+)\"; {} has none",
                              member.value->dump()));
  } catch (const std::regex_error& error) {
    wrong(member, fmt::format("is no regular expression (ECMAScript): {}", error.what()));
  }
  return {};
}

}  // namespace stress
