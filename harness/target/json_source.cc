#include "harness/target/json_source.h"

#include <algorithm>
#include <utility>

#include "orchestrator/base/file_io.h"

namespace stress {
namespace {

using nlohmann::json;

/// Walks over JSON text that is known to parse, and finds the offset of one member's name (of an
/// element: of its value). The library keeps no positions.
class Walker {
 public:
  Walker(std::string_view text, const std::vector<std::string>& way) : text_(text), way_(way) {}

  std::optional<std::size_t> find() {
    value(0, true);
    return found_;
  }

 private:
  /// `on_way`: all that was entered so far lies on the way, and `depth` parts of it are behind us.
  void value(std::size_t depth, bool on_way) {
    skip();
    if (at_ >= text_.size()) return;
    const bool inside = on_way && depth < way_.size();
    if (text_[at_] == '{') {
      members(depth, inside);
    } else if (text_[at_] == '[') {
      elements(depth, inside);
    } else if (text_[at_] == '"') {
      string();
    } else {
      while (at_ < text_.size() && !std::string_view(",]} \t\r\n/").contains(text_[at_])) ++at_;
    }
  }

  void members(std::size_t depth, bool inside) {
    ++at_;
    for (skip(); at_ < text_.size() && text_[at_] != '}'; skip()) {
      const std::size_t begin = at_;
      const std::string name = string();
      const bool here = inside && name == way_[depth];
      if (here && depth + 1 == way_.size()) found_ = begin;  // of several the last one counts
      skip();
      ++at_;  // the colon
      value(depth + 1, here);
      skip();
      if (at_ < text_.size() && text_[at_] == ',') ++at_;
    }
    ++at_;
  }

  void elements(std::size_t depth, bool inside) {
    ++at_;
    std::size_t number = 0;
    for (skip(); at_ < text_.size() && text_[at_] != ']'; skip()) {
      const bool here = inside && std::to_string(number++) == way_[depth];
      if (here && depth + 1 == way_.size()) found_ = at_;
      value(depth + 1, here);
      skip();
      if (at_ < text_.size() && text_[at_] == ',') ++at_;
    }
    ++at_;
  }

  std::string string() {
    const std::size_t begin = at_++;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2U : 1U;
    at_ = std::min(at_ + 1, text_.size());
    const json parsed = json::parse(text_.substr(begin, at_ - begin), nullptr, false);
    return parsed.is_string() ? parsed.get<std::string>() : std::string();
  }

  /// White space and comments.
  void skip() {
    for (;;) {
      at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
      const std::string_view rest = text_.substr(at_);
      if (rest.starts_with("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (rest.starts_with("/*")) {
        const std::size_t end = text_.find("*/", at_ + 2);
        at_ = end == std::string_view::npos ? text_.size() : end + 2;
      } else {
        return;
      }
    }
  }

  std::string_view text_;
  const std::vector<std::string>& way_;
  std::size_t at_ = 0;
  std::optional<std::size_t> found_;
};

/// A part of a JSON pointer as the name that it stands for.
std::string unescaped(std::string part) {
  for (std::size_t at = 0; (at = part.find('~', at)) != std::string::npos; ++at) {
    if (part.compare(at, 2, "~1") == 0) part.replace(at, 2, "/");
    if (part.compare(at, 2, "~0") == 0) part.replace(at, 2, "~");
  }
  return part;
}

}  // namespace

std::vector<std::string> way_to(const std::string& field) {
  std::vector<std::string> way;
  if (field.empty()) return way;
  const bool pointer = field.front() == '/';
  const char separator = pointer ? '/' : '.';
  for (std::size_t begin = pointer ? 1 : 0; begin <= field.size();) {
    const std::size_t end = std::min(field.find(separator, begin), field.size());
    way.push_back(pointer ? unescaped(field.substr(begin, end - begin))
                          : field.substr(begin, end - begin));
    begin = end + 1;
  }
  return way;
}

base::Result<JsonSource> JsonSource::read(const std::filesystem::path& file) {
  base::Result<std::string> text = base::read_file(file);
  if (!text) return std::unexpected(text.error());
  return parse(file, *std::move(text));
}

base::Result<JsonSource> JsonSource::parse(std::filesystem::path file, std::string text) {
  JsonSource source(std::move(file), std::move(text));
  try {
    source.root_ = json::parse(source.text_, nullptr, true, true);
  } catch (const json::parse_error& error) {
    return base::fail(base::Errc::kInvalid, "{}:{}: not JSON: {}", source.file_.string(),
                      source.line_at(error.byte), error.what());
  }
  return source;
}

std::size_t JsonSource::line_at(std::size_t offset) const {
  const auto end = text_.begin() + static_cast<std::ptrdiff_t>(std::min(offset, text_.size()));
  return 1 + static_cast<std::size_t>(std::count(text_.begin(), end, '\n'));
}

std::optional<std::size_t> JsonSource::line_of(const std::vector<std::string>& way) const {
  if (way.empty()) return std::nullopt;
  const std::optional<std::size_t> offset = Walker(text_, way).find();
  if (!offset) return std::nullopt;
  return line_at(*offset);
}

std::unexpected<base::Error> JsonSource::wrong(const std::string& field,
                                               const std::string& what) const {
  std::vector<std::string> way = way_to(field);
  std::optional<std::size_t> line;
  for (; !way.empty() && !line; way.pop_back()) line = line_of(way);
  return base::fail(base::Errc::kInvalid, "{}:{}: {}: {}", file_.string(), line.value_or(1), field,
                    what);
}

}  // namespace stress
