#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/model/report.h"

namespace report {

/// What the readers of JSON share.

/// Takes members out of one object; remembers the first wrong one of the document by its path.
/// Missing ones keep their default, unknown ones are ignored.
class Reader {
 public:
  using Json = nlohmann::ordered_json;

  Reader(const Json& json, std::string path, std::string& wrong)
      : json_(json), path_(std::move(path)), wrong_(wrong) {
    if (!json_.is_object()) refuse(path_);
  }

  void text(const char* name, std::string& value) {
    const Json* found = find(name);
    if (found == nullptr) return;
    if (!found->is_string()) return refuse(path_of(name));
    value = found->get<std::string>();
  }
  void number(const char* name, int& value) {
    const Json* found = find(name);
    if (found == nullptr) return;
    const bool fits =
        found->is_number_integer() && *found >= -1 && *found <= std::numeric_limits<int>::max();
    if (!fits) return refuse(path_of(name));
    value = found->get<int>();
  }
  void number(const char* name, std::uint64_t& value) {
    const Json* found = find(name);
    if (found == nullptr) return;
    if (!found->is_number_unsigned()) return refuse(path_of(name));
    value = found->get<std::uint64_t>();
  }
  void flag(const char* name, bool& value) {
    const Json* found = find(name);
    if (found == nullptr) return;
    if (!found->is_boolean()) return refuse(path_of(name));
    value = found->get<bool>();
  }
  void number(const char* name, double& value) {
    const Json* found = find(name);
    if (found == nullptr) return;
    if (!found->is_number()) return refuse(path_of(name));
    value = found->get<double>();
  }
  void verdict(const char* name, Verdict& value) {
    std::string word;
    text(name, word);
    for (const Verdict verdict : {Verdict::kPass, Verdict::kFail, Verdict::kUnknown,
                                  Verdict::kNotApplicable, Verdict::kKnown}) {
      if (to_string(verdict) == word) {
        value = verdict;
        return;
      }
    }
    refuse(path_of(name));
  }
  /// By its to_string(); missing keeps the default.
  template <class Enum>
  void one_of(const char* name, Enum& value, std::initializer_list<Enum> values) {
    if (find(name) == nullptr) return;
    std::string word;
    text(name, word);
    const auto found =
        std::ranges::find_if(values, [&](Enum one) { return to_string(one) == word; });
    if (found == values.end()) return refuse(path_of(name));
    value = *found;
  }
  void texts(const char* name, std::vector<std::string>& values) {
    each(name, [&](const Json& item, const std::string& path) {
      if (!item.is_string()) return refuse(path);
      values.push_back(item.get<std::string>());
    });
  }
  void texts(const char* name, std::map<std::string, std::string>& values) {
    const Json* found = find(name);
    if (found == nullptr) return;
    if (!found->is_object()) return refuse(path_of(name));
    for (const auto& [key, item] : found->items()) {
      if (!item.is_string()) return refuse(path_of(name) + "/" + key);
      values[key] = item.get<std::string>();
    }
  }
  void numbers(const char* name, std::map<std::string, std::uint64_t>& values) {
    const Json* found = find(name);
    if (found == nullptr) return;
    if (!found->is_object()) return refuse(path_of(name));
    for (const auto& [key, item] : found->items()) {
      if (!item.is_number_unsigned()) return refuse(path_of(name) + "/" + key);
      values[key] = item.get<std::uint64_t>();
    }
  }
  template <class Read>
  void object(const char* name, Read read) {
    const Json* found = find(name);
    if (found == nullptr) return;
    Reader reader(*found, path_of(name), wrong_);
    read(reader);
  }
  template <class T, class Read>
  void objects(const char* name, std::vector<T>& values, Read read) {
    each(name, [&](const Json& item, const std::string& path) {
      Reader reader(item, path, wrong_);
      read(reader, values.emplace_back());
    });
  }

 private:
  [[nodiscard]] const Json* find(const char* name) const {
    if (!json_.is_object()) return nullptr;
    const auto found = json_.find(name);
    return found == json_.end() ? nullptr : &*found;
  }
  template <class Visit>
  void each(const char* name, Visit visit) {
    const Json* found = find(name);
    if (found == nullptr) return;
    if (!found->is_array()) return refuse(path_of(name));
    std::size_t index = 0;
    for (const Json& item : *found) visit(item, fmt::format("{}/{}", path_of(name), index++));
  }
  [[nodiscard]] std::string path_of(const char* name) const { return path_ + "/" + name; }
  void refuse(const std::string& path) {
    if (wrong_.empty()) wrong_ = path.empty() ? "/" : path;
  }

  const Json& json_;
  std::string path_;
  std::string& wrong_;
};

void read_invariant(Reader& reader, InvariantResult& result);

/// Reads a whole document by `read(Reader&, Result&)`. false: `error` says what is wrong, `result`
/// is untouched.
template <class Result, class Read>
bool read_whole(const std::string& text, Result& result, std::string& error, Read read) {
  const auto json = Reader::Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    error = "the report is not JSON";
    return false;
  }
  Result fresh;
  std::string wrong;
  Reader reader(json, "", wrong);
  read(reader, fresh);
  if (!wrong.empty()) {
    error = fmt::format("field '{}' of the report is missing or has a wrong value", wrong);
    return false;
  }
  result = std::move(fresh);
  return true;
}

}  // namespace report
