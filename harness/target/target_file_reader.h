#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "harness/target/target_document.h"
#include "harness/target/target_file.h"

namespace stress {

using Names = std::set<std::string>;

/// A value of the document and where it stands. Points into the document.
struct Member {
  const nlohmann::json* value = nullptr;  ///< nullptr: not there
  std::string at;                         ///< JSON pointer

  [[nodiscard]] bool present() const { return value != nullptr; }
  [[nodiscard]] bool is_array() const { return value != nullptr && value->is_array(); }
  Member operator/(const std::string& name) const;
  [[nodiscard]] std::vector<Member> elements() const;  ///< of an array; else none
  [[nodiscard]] std::vector<std::pair<std::string, Member>> members() const;  ///< of an object
};

/// Reads members as what they must be, and keeps the first mistake: after it everything reads as
/// its default, so that a reader of many members asks for mistakes once, at the end.
class MemberReader {
 public:
  explicit MemberReader(const TargetDocument& document) : document_(document) {}

  [[nodiscard]] const std::optional<base::Error>& mistake() const { return mistake_; }
  void wrong(const Member& member, const std::string& what);
  /// `what` says what would be right.
  void require(const Member& member, const std::string& what);
  /// Whether it is an object; members other than `known` are mistakes.
  bool object(const Member& member, const Names& known);

  // What is not there reads as empty, or as `fallback`.
  std::string text(const Member& member);
  std::vector<std::string> texts(const Member& member);
  bool flag(const Member& member, bool fallback);
  std::optional<int> whole(const Member& member, int least, int most);
  std::set<int> exit_codes(const Member& member);
  std::string one_of(const Member& member, const std::vector<std::string>& choices);
  std::string pointer(const Member& member);  ///< JSON pointer
  /// Texts with placeholders, of which only those in `known` are right.
  std::string template_text(const Member& member, const Names& known);
  std::vector<std::string> templates(const Member& member, const Names& known);
  /// An object whose texts, however deep, are such; as JSON.
  std::string template_object(const Member& member, const Names& known);
  /// ECMAScript, with so many groups at least.
  std::string pattern(const Member& member, unsigned groups);

 private:
  void check_texts_within(const Member& member, const Names& known);
  void check_placeholders(const Member& member, const std::string& text, const Names& known);

  const TargetDocument& document_;
  std::optional<base::Error> mistake_;
};

/// The member "observe" of a target file.
TargetObservation read_observation(MemberReader& reader, const Member& at, const Names& known);

}  // namespace stress
