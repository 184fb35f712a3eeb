#include "harness/target/faithful_json.h"

#include <cstdint>
#include <exception>
#include <utility>
#include <vector>

namespace stress {
namespace {

using Json = nlohmann::ordered_json;

/// Builds the document from the parser's events. Pointers into it stay good: only the innermost
/// open container ever grows.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  explicit Builder(FaithfulJson& result) : result_(result) {}

  bool null() override { return add(Json()); }
  bool boolean(bool value) override { return add(Json(value)); }
  bool number_integer(std::int64_t value) override { return add(Json(value)); }
  bool number_unsigned(std::uint64_t value) override { return add(Json(value)); }
  bool number_float(double value, const std::string&) override { return add(Json(value)); }
  bool string(std::string& value) override { return add(Json(std::move(value))); }
  bool binary(Json::binary_t&) override { return false; }  // no such thing in JSON text

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string& name) override {
    key_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    result_.position = position;
    result_.error = error.what();
    return false;
  }

 private:
  bool add(Json value) {
    place(std::move(value));
    return true;
  }

  Json* place(Json value) {
    if (open_.empty()) return &(result_.document = std::move(value));
    Json& container = *open_.back();
    if (container.is_array()) {
      container.push_back(std::move(value));
      return &container.back();
    }
    // The vector beneath ordered_map, which takes a key a second time, and in constant time.
    Json::object_t::Container& members = container.get_ref<Json::object_t&>();
    return &members.emplace_back(std::move(key_), std::move(value)).second;
  }

  bool open(Json container) {
    constexpr std::size_t kDepthMax = 256;  // dump() and the destructor recurse
    if (open_.size() >= kDepthMax) {
      result_.error = "nested too deeply";
      return false;
    }
    open_.push_back(place(std::move(container)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  FaithfulJson& result_;
  std::vector<Json*> open_;
  std::string key_;
};

}  // namespace

FaithfulJson parse_faithfully(std::string_view text) {
  FaithfulJson result;
  // To the library a NUL is the end of the text, and what stands behind it would pass for sound.
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    result.error = "a NUL byte";
    result.position = nul;
    return result;
  }
  Builder builder(result);
  try {
    result.ok = Json::sax_parse(text, &builder);
  } catch (const std::exception& error) {  // out of memory
    result.error = error.what();
  }
  if (!result.ok) result.document = nullptr;
  return result;
}

}  // namespace stress
