#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/registry/record.h"

namespace orc {

/// What the "format" member says. Another value is another program's file: neither read nor damage.
inline constexpr std::string_view kDocumentFormat = "spawnstorm-registry/1";

/// The text of one registry.json, taken apart into its records without parsing them.
///
///   {"checksum":"<16 hex>","format":…,…,"tasks":{
///   "<id>":{…},
///   "<id>":{…}
///   },"agents":{
///   "<id>":{…}
///   },…}
///
/// Compact JSON; line breaks stand only where shown, and an empty block is "{}" on its line.
/// As no JSON string contains a raw line break, the checksum over the compact dump equals the one
/// over these bytes without line breaks and without the checksum's own member.
///
/// Lifetime: lines point into the document, which therefore does not move.
/// Thread-safety: const calls from several threads are safe.
class Document {
 public:
  Document() = default;
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  /// Takes the text over where it is sound, else leaves it untouched. Called once.
  /// Errors: kDamaged (a sentence that begins with "it"), kInvalid (written in another format).
  base::Status parse(std::string& text);

  /// The members of the top level without the checksum; "tasks" and "agents" are there, but empty.
  [[nodiscard]] const Json& head() const { return head_; }
  /// `"<id>":{…}` each, without the comma.
  [[nodiscard]] const std::vector<std::string_view>& task_lines() const { return task_lines_; }
  [[nodiscard]] const std::vector<std::string_view>& agent_lines() const { return agent_lines_; }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  /// Whether the text has our layout and its checksum holds.
  bool split();
  [[nodiscard]] base::Status check_head() const;

  std::string text_;
  Json head_;
  std::vector<std::string_view> task_lines_;
  std::vector<std::string_view> agent_lines_;
};

/// The text of a document; what "tasks" and "agents" hold in `head` is not looked at.
/// Throws Json::type_error for text in `head` that is not UTF-8.
std::string encode_document(const Json& head, std::span<const std::string_view> task_lines,
                            std::span<const std::string_view> agent_lines,
                            std::size_t size_estimate);

/// `"<id>":{…}`. Throws Json::type_error for text that is not UTF-8.
std::string record_line(std::string_view id, const Json& record);
/// The id of a line as it is written there.
std::string_view line_id(std::string_view line);
/// The record of a line.
std::string_view line_json(std::string_view line);

/// The generation that a damaged text claims, 0 where it claims none.
std::uint64_t claimed_generation(std::string_view text);

}  // namespace orc
