#pragma once

#include <cstddef>
#include <string_view>

#include <nlohmann/json.hpp>

#include "orchestrator/base/error.h"

namespace stress {

/// Reads extensible data notation (github.com/edn-format/edn), as far as histories of Jepsen use
/// it: nil, booleans, numbers, strings, characters, keywords, symbols, lists, vectors, sets, maps;
/// comments and discarded forms are skipped, a tagged value is its value. As JSON a keyword or
/// symbol is the string of its name (its namespace too), a list or set an array, a key of a map a
/// string. Thread-safety: for one thread.
class EdnReader {
 public:
  /// `text` outlives the reader.
  explicit EdnReader(std::string_view text) : rest_(text) {}

  /// Whether another form follows. Errors: kInvalid.
  base::Result<bool> more();
  /// The next one; more() has said yes. Errors: kInvalid, a sentence without its place.
  base::Result<nlohmann::ordered_json> next();
  /// Passes over an opening bracket of a list or vector, if that is next: histories are forms one
  /// after the other, or one vector of them.
  base::Result<bool> enter();
  /// In what was entered: passes over its end.
  bool leave();

  [[nodiscard]] std::size_t line() const { return line_; }  ///< of what comes next

 private:
  base::Status skip_blanks();
  base::Result<nlohmann::ordered_json> form(int depth);
  base::Result<nlohmann::ordered_json> sequence(char end, int depth);
  base::Result<nlohmann::ordered_json> map(int depth);
  base::Result<nlohmann::ordered_json> string();
  base::Result<nlohmann::ordered_json> character();
  base::Result<nlohmann::ordered_json> dispatch(int depth);
  nlohmann::ordered_json atom();
  std::string_view token();
  void drop(std::size_t count);

  std::string_view rest_;
  std::size_t line_ = 1;
};

/// The other way round; a string as a string.
std::string to_edn(const nlohmann::ordered_json& value);

}  // namespace stress
