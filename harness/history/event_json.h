#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "harness/history/evidence.h"

namespace stress::wire {

/// How values become members of a JSON object and come back. Each struct lists its members once, in
/// `members(io, value)` (event_members.h), for both directions; the two classes below are these.
using Json = nlohmann::ordered_json;

/// U or const U, so that one function reads and writes.
template <class T, class U>
concept Like = std::same_as<std::remove_const_t<T>, U>;

/// The names of enumerators on the wire, in their order.
template <class E>
struct EnumNames;
template <>
struct EnumNames<OpKind> {
  static constexpr std::string_view kNames[] = {"spawn", "kill", "update", "list", "validate"};
};
template <>
struct EnumNames<OpOutcome> {
  static constexpr std::string_view kNames[] = {"ok", "refused", "info"};
};
template <>
struct EnumNames<Phase> {
  static constexpr std::string_view kNames[] = {"setup", "storm", "before-repair", "final"};
};

/// Puts members into `json`, leaving out those that hold their default.
class Writer {
 public:
  explicit Writer(Json& json) : json_(json) {}

  template <class T>
  void member(const char* name, const T& value, const std::type_identity_t<T>& absent = T{}) {
    if (value != absent) json_[name] = to_json(value);
  }

 private:
  static Json to_json(const std::string& value) { return value; }
  static Json to_json(bool value) { return value; }
  template <std::integral T>
  static Json to_json(T value) {
    return value;
  }
  template <class T>
    requires std::is_enum_v<T>
  static Json to_json(T value) {
    return EnumNames<T>::kNames[static_cast<std::size_t>(value)];
  }
  template <class T>
  static Json to_json(const std::optional<T>& value) {
    return value ? to_json(*value) : Json(nullptr);
  }
  template <class T>
  static Json to_json(const std::vector<T>& values) {
    Json array = Json::array();
    for (const T& value : values) array.push_back(to_json(value));
    return array;
  }
  static Json to_json(const std::set<std::string>& values) { return values; }
  template <class T>
  static Json to_json(const std::map<std::string, T>& values) {
    Json object = Json::object();
    for (const auto& [key, value] : values) object[key] = to_json(value);
    return object;
  }
  template <class T>
    requires std::is_class_v<T>
  static Json to_json(const T& value) {
    Json object = Json::object();
    Writer writer(object);
    members(writer, value);
    return object;
  }

  Json& json_;
};

/// Takes members out of `json`; a missing one takes its default. The first wrong one is remembered
/// by its path.
class Reader {
 public:
  Reader(const Json& json, std::string path, std::string& wrong)
      : json_(json), path_(std::move(path)), wrong_(wrong) {}

  template <class T>
  void member(const char* name, T& value, const std::type_identity_t<T>& absent = T{}) {
    const auto found = json_.find(name);
    if (found == json_.end()) {
      value = absent;
      return;
    }
    read(*found, value, path_.empty() ? name : path_ + "." + name);
  }

 private:
  void refuse(const std::string& path) {
    if (wrong_.empty()) wrong_ = path;
  }
  void read(const Json& json, std::string& value, const std::string& path) {
    if (!json.is_string()) return refuse(path);
    value = json.get_ref<const std::string&>();
  }
  void read(const Json& json, bool& value, const std::string& path) {
    if (!json.is_boolean()) return refuse(path);
    value = json.get<bool>();
  }
  template <std::integral T>
  void read(const Json& json, T& value, const std::string& path) {
    if (json.is_number_unsigned()) {
      const auto number = json.get<std::uint64_t>();
      if (!std::in_range<T>(number)) return refuse(path);
      value = static_cast<T>(number);
    } else if (json.is_number_integer()) {
      const auto number = json.get<std::int64_t>();
      if (!std::in_range<T>(number)) return refuse(path);
      value = static_cast<T>(number);
    } else {
      refuse(path);
    }
  }
  template <class T>
    requires std::is_enum_v<T>
  void read(const Json& json, T& value, const std::string& path) {
    if (json.is_string()) {
      const auto& text = json.get_ref<const std::string&>();
      for (std::size_t i = 0; i < std::size(EnumNames<T>::kNames); ++i) {
        if (EnumNames<T>::kNames[i] == text) {
          value = static_cast<T>(i);
          return;
        }
      }
    }
    refuse(path);
  }
  template <class T>
  void read(const Json& json, std::optional<T>& value, const std::string& path) {
    if (json.is_null()) {
      value.reset();
      return;
    }
    read(json, value.emplace(), path);
  }
  template <class T>
  void read(const Json& json, std::vector<T>& values, const std::string& path) {
    if (!json.is_array()) return refuse(path);
    values.clear();
    for (const Json& item : json) {
      const std::string place = path + "[" + std::to_string(values.size()) + "]";
      read(item, values.emplace_back(), place);
    }
  }
  void read(const Json& json, std::set<std::string>& values, const std::string& path) {
    std::vector<std::string> list;
    read(json, list, path);
    values = {list.begin(), list.end()};
  }
  template <class T>
  void read(const Json& json, std::map<std::string, T>& values, const std::string& path) {
    if (!json.is_object()) return refuse(path);
    values.clear();
    for (const auto& [key, item] : json.items()) {
      std::string place = path;
      place.append(".").append(key);
      read(item, values[key], place);
    }
  }
  template <class T>
    requires std::is_class_v<T>
  void read(const Json& json, T& value, const std::string& path) {
    if (!json.is_object()) return refuse(path);
    Reader reader(json, path, wrong_);
    members(reader, value);
  }

  const Json& json_;
  std::string path_;
  std::string& wrong_;
};

}  // namespace stress::wire
