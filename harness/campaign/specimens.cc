#include "harness/campaign/specimens.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/target/json_source.h"

namespace stress {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 4> kEngines = {"storm", "crashes", "explore", "powerloss"};
const std::set<std::string> kMembers = {"name",      "target", "twin",      "rows",    "flaw",
                                        "invariant", "engine", "arguments", "explore", "short"};

base::Result<std::vector<std::string>> read_words(const JsonSource& source, const std::string& at,
                                                  const json& words) {
  if (!words.is_array() ||
      !std::ranges::all_of(words, [](const json& word) { return word.is_string(); })) {
    return source.wrong(at, "must be a list of strings");
  }
  return words.get<std::vector<std::string>>();
}

base::Result<Specimen> read_specimen(const JsonSource& source, const std::string& at,
                                     const json& entry) {
  if (!entry.is_object()) return source.wrong(at, "must be an object");
  for (const auto& [key, value] : entry.items()) {
    if (kMembers.contains(key)) continue;
    return source.wrong(fmt::format("{}/{}", at, key),
                        fmt::format("no such member; known are {}", fmt::join(kMembers, ", ")));
  }
  for (const char* required : {"name", "target", "twin", "flaw", "invariant", "engine"}) {
    if (!entry.contains(required) || !entry.at(required).is_string()) {
      return source.wrong(fmt::format("{}/{}", at, required), "must be there, and a string");
    }
  }
  base::Result<std::vector<std::string>> arguments =
      read_words(source, at + "/arguments", entry.value("arguments", json::array()));
  if (!arguments) return std::unexpected(arguments.error());
  const json in_short = entry.value("short", json(false));
  if (!in_short.is_boolean()) return source.wrong(at + "/short", "must be true or false");
  const fs::path folder = fs::absolute(source.file()).parent_path();
  Specimen specimen;
  specimen.name = entry.at("name");
  specimen.target = folder / entry.at("target").get<std::string>();
  specimen.twin = folder / entry.at("twin").get<std::string>();
  specimen.flaw = entry.at("flaw");
  specimen.invariant = entry.at("invariant");
  specimen.engine = entry.at("engine");
  specimen.arguments = *std::move(arguments);
  specimen.in_short = in_short;
  if (std::ranges::find(kEngines, specimen.engine) == kEngines.end()) {
    return source.wrong(at + "/engine",
                        fmt::format("must be one of {}", fmt::join(kEngines, ", ")));
  }
  for (const fs::path& file : {specimen.target, specimen.twin}) {
    if (!fs::exists(file)) return source.wrong(at, fmt::format("no such file: {}", file.string()));
  }
  return specimen;
}

/// The same specimen for another engine.
base::Result<Specimen> read_explored(const JsonSource& source, const std::string& at,
                                     const json& entry, Specimen specimen) {
  if (specimen.engine == "explore") {
    return source.wrong(at, "is for specimens that another engine looks at, too");
  }
  if (!entry.is_object()) return source.wrong(at, "must be an object");
  for (const auto& [key, value] : entry.items()) {
    if (key == "arguments" || (key == "invariant" && value.is_string())) continue;
    return source.wrong(fmt::format("{}/{}", at, key),
                        "no such member; known are arguments, a list, and invariant, a string");
  }
  base::Result<std::vector<std::string>> arguments =
      read_words(source, at + "/arguments", entry.value("arguments", json::array()));
  if (!arguments) return std::unexpected(arguments.error());
  specimen.engine = "explore";
  specimen.arguments = *std::move(arguments);
  specimen.invariant = entry.value("invariant", specimen.invariant);
  return specimen;
}

}  // namespace

base::Result<std::vector<Specimen>> load_specimens(const fs::path& file) {
  const base::Result<JsonSource> source = JsonSource::read(file);
  if (!source) return std::unexpected(source.error());
  if (!source->root().is_array()) return source->wrong("", "must be a list of specimens");
  std::vector<Specimen> specimens;
  for (std::size_t i = 0; i < source->root().size(); ++i) {
    base::Result<Specimen> specimen =
        read_specimen(*source, fmt::format("/{}", i), source->root()[i]);
    if (!specimen) return std::unexpected(specimen.error());
    if (std::ranges::find(specimens, specimen->name, &Specimen::name) != specimens.end()) {
      return source->wrong(fmt::format("/{}/name", i), "is that of another one, too");
    }
    specimens.push_back(*std::move(specimen));
    const json& entry = source->root()[i];
    if (!entry.contains("explore")) continue;
    base::Result<Specimen> explored = read_explored(*source, fmt::format("/{}/explore", i),
                                                    entry.at("explore"), specimens.back());
    if (!explored) return std::unexpected(explored.error());
    specimens.push_back(*std::move(explored));
  }
  return specimens;
}

}  // namespace stress
