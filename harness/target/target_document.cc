#include "harness/target/target_document.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/target/placeholders.h"

namespace stress {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::array<std::string_view, 11> kReserved = {
    "workspace", "target_dir", "stress_dir", "home",     "task",   "agent_type",
    "parent",    "agent_id",   "status",     "progress", "message"};

/// In values alone: names of members are the format's, names of variables the target's.
void expand_all(json& value, const Placeholders& parameters) {
  if (value.is_string()) {
    value = fill_in(value.get<std::string>(), parameters);
  } else if (value.is_structured()) {
    for (json& inner : value) expand_all(inner, parameters);
  }
}

}  // namespace

base::Result<TargetDocument> TargetDocument::load(const fs::path& file) {
  TargetDocument document;
  std::error_code error;
  const fs::path absolute = fs::absolute(file, error);
  if (base::Status added = document.add(absolute); !added) return std::unexpected(added.error());
  for (auto source = document.sources_.rbegin(); source != document.sources_.rend(); ++source) {
    document.root_.merge_patch(source->root());
  }
  document.root_.erase("extends");
  if (base::Status filled = document.fill_in_parameters(); !filled) {
    return std::unexpected(filled.error());
  }
  return document;
}

base::Status TargetDocument::add(const fs::path& file) {
  base::Result<JsonSource> source = JsonSource::read(file);
  if (!source) return std::unexpected(source.error());
  if (!source->root().is_object()) return source->wrong("target", "must be a JSON object");
  sources_.push_back(*std::move(source));
  const JsonSource& added = sources_.back();
  const auto extends = added.root().find("extends");
  if (extends == added.root().end()) return {};
  if (!extends->is_string()) {
    return added.wrong("/extends", "must be the path of another target file, relative to this one");
  }
  const fs::path next = (file.parent_path() / extends->get<std::string>()).lexically_normal();
  std::error_code error;
  for (const JsonSource& known : sources_) {
    if (!fs::equivalent(known.file(), next, error)) continue;
    return added.wrong("/extends",
                       fmt::format("{} extends itself, by way of this file", next.string()));
  }
  if (!fs::exists(next, error)) {
    return added.wrong("/extends", fmt::format("there is no file {}", next.string()));
  }
  return add(next);
}

base::Status TargetDocument::fill_in_parameters() {
  const auto found = root_.find("parameters");
  if (found == root_.end()) return {};
  if (!found->is_object()) return wrong("/parameters", "must be an object of texts by name");
  Placeholders parameters;
  for (const auto& [name, value] : found->items()) {
    const std::string at = "/parameters/" + name;
    if (!value.is_string()) return wrong(at, "must be a text, not " + value.dump());
    if (!is_placeholder_name(name)) {
      return wrong(at,
                   "a parameter's name is of lower-case letters, digits and '_', a letter "
                   "first, so that {name} can stand for it");
    }
    if (std::ranges::find(kReserved, name) != kReserved.end()) {
      return wrong(at, fmt::format("{{{}}} means something already; take another name", name));
    }
    parameters[name] = value.get<std::string>();
  }
  root_.erase("parameters");
  expand_all(root_, parameters);
  return {};
}

std::unexpected<base::Error> TargetDocument::wrong(const std::string& pointer,
                                                   const std::string& what) const {
  // The nearest file that has the member; what is in none (it is missing) is the first one's.
  for (std::vector<std::string> way = way_to(pointer); !way.empty(); way.pop_back()) {
    for (const JsonSource& source : sources_) {
      if (source.line_of(way)) return source.wrong(pointer, what);
    }
  }
  return sources_.front().wrong(pointer, what);
}

}  // namespace stress
