#include "orchestrator/registry/document.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "orchestrator/registry/checksum.h"

namespace orc {
namespace {

constexpr std::string_view kOpening = "{\"checksum\":\"";
constexpr std::string_view kClosing = "\",";
constexpr std::size_t kDigits = 16;
/// `{"checksum":"<16 hex>",`
constexpr std::size_t kPrologBytes = kOpening.size() + kDigits + kClosing.size();
constexpr std::string_view kTasks = "tasks";
constexpr std::string_view kAgents = "agents";
constexpr std::string_view kTasksOpen = "\"tasks\":{";
constexpr std::string_view kAgentsOpen = "\"agents\":{";

std::unexpected<base::Error> damaged(std::string_view what) {
  return base::fail(base::Errc::kDamaged, "{}", what);
}

bool is_record(std::string_view line) {
  return line.ends_with('}') && line.find("\":{", 1) != std::string_view::npos;
}

/// Why a text that cannot be used cannot be used.
std::string_view describe_unparsable(std::string_view text) {
  if (text.empty()) return "it is empty";
  if (text.find_first_not_of('\0') == std::string_view::npos)
    return "it holds nothing but NUL bytes";
  if (text.contains('\0')) return "it holds NUL bytes";
  return "it is not whole JSON: torn or overwritten";
}

/// Appends to a text and to its checksum; line breaks belong to the text only.
class Emitter {
 public:
  explicit Emitter(std::size_t size_estimate) {
    text_.reserve(size_estimate);
    text_.append(kOpening).append(kDigits, '0').append(kClosing);
    checksum_.update("{");
  }

  void put(std::string_view piece) {
    text_ += piece;
    checksum_.update(piece);
  }

  void block(std::string_view opening, std::span<const std::string_view> lines) {
    put(opening);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      text_ += '\n';
      const std::size_t begin = text_.size();
      text_ += lines[i];
      if (i + 1 < lines.size()) text_ += ',';
      checksum_.update(std::string_view(text_).substr(begin));
    }
    if (!lines.empty()) text_ += '\n';
    put("}");
  }

  std::string finish() && {
    text_ += '\n';
    text_.replace(kOpening.size(), kDigits, checksum_.hex());
    return std::move(text_);
  }

 private:
  std::string text_;
  Checksum checksum_;
};

/// The checksum of a text in whatever layout. `document` loses its "checksum" member.
bool checksum_holds(Json& document) {
  const auto member = document.find("checksum");
  if (member == document.end() || !member->is_string()) return false;
  const std::string stored = member->get<std::string>();
  document.erase(member);
  Checksum checksum;
  checksum.update(document.dump());
  return checksum.hex() == stored;
}

/// Brings a document into our layout. Errors: kDamaged.
base::Result<std::string> canonical_text(const Json& document, std::size_t size_estimate) {
  std::vector<std::string> texts[2];
  std::vector<std::string_view> lines[2];
  for (const std::size_t block : {0U, 1U}) {
    const std::string_view name = block == 0 ? kTasks : kAgents;
    const auto records = document.find(name);
    if (records == document.end() || !records->is_object()) {
      return damaged(fmt::format("it has no object '{}'", name));
    }
    for (const auto& [id, record] : records->items()) {
      if (!record.is_object()) return damaged(fmt::format("its record '{}' is not an object", id));
      texts[block].push_back(record_line(id, record));
    }
    lines[block].assign(texts[block].begin(), texts[block].end());
  }
  return encode_document(document, lines[0], lines[1], size_estimate);
}

}  // namespace

base::Status Document::parse(std::string& text) {
  text_.swap(text);
  if (split()) return check_head();
  text_.swap(text);
  // Not as we write it. Somebody may have edited it and set the checksum right.
  Json document = Json::parse(text, nullptr, false);
  // To the parser a NUL is the end of the text, and what stands behind it would pass for sound.
  if (document.is_discarded() || text.contains('\0')) return damaged(describe_unparsable(text));
  if (!document.is_object()) return damaged("it is not an object");
  if (!checksum_holds(document)) return damaged("its checksum is missing or does not hold");
  auto canonical = canonical_text(document, text.size());
  if (!canonical) return std::unexpected(std::move(canonical.error()));
  text_ = *std::move(canonical);
  if (!split()) return damaged("its records cannot be told apart");
  return check_head();
}

bool Document::split() {
  task_lines_.clear();
  agent_lines_.clear();
  const std::string_view prolog = std::string_view(text_).substr(0, kPrologBytes);
  if (!prolog.starts_with(kOpening) || !prolog.ends_with(kClosing) || text_.back() != '\n') {
    return false;
  }
  Checksum checksum;
  checksum.update("{");
  std::string frame;  // the document without its records
  std::vector<std::string_view>* block = nullptr;
  bool comma = true;  // before the next record
  std::string_view rest = std::string_view(text_).substr(kPrologBytes);
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    checksum.update(line);
    if (block != nullptr && line.starts_with('"')) {
      if (!comma) return false;
      comma = line.ends_with(',');
      if (comma) line.remove_suffix(1);
      if (!is_record(line)) return false;
      block->push_back(line);
      continue;
    }
    // The last record of a block has no comma behind it; an empty block has no lines.
    if (block != nullptr && comma) return false;
    frame += line;
    comma = true;
    block = line.ends_with(kTasksOpen)    ? &task_lines_
            : line.ends_with(kAgentsOpen) ? &agent_lines_
                                          : nullptr;
  }
  if (checksum.hex() != std::string_view(text_).substr(kOpening.size(), kDigits)) return false;
  head_ = Json::parse("{" + frame, nullptr, false);
  return head_.is_object() && head_.value(kTasks, Json()) == Json::object() &&
         head_.value(kAgents, Json()) == Json::object();
}

base::Status Document::check_head() const {
  const auto format = head_.find("format");
  if (format == head_.end() || *format != Json(kDocumentFormat)) {
    return base::fail(base::Errc::kInvalid, "it is not in the format {}", kDocumentFormat);
  }
  const auto generation = head_.find("generation");
  if (generation == head_.end() || !generation->is_number_unsigned()) {
    return damaged("it has no generation");
  }
  return {};
}

std::string encode_document(const Json& head, std::span<const std::string_view> task_lines,
                            std::span<const std::string_view> agent_lines,
                            std::size_t size_estimate) {
  Emitter out(size_estimate);
  bool first = true;
  for (const auto& [name, value] : head.items()) {
    if (!std::exchange(first, false)) out.put(",");
    if (name == kTasks) {
      out.block(kTasksOpen, task_lines);
    } else if (name == kAgents) {
      out.block(kAgentsOpen, agent_lines);
    } else {
      out.put(Json(name).dump() + ":" + value.dump());
    }
  }
  out.put("}");
  return std::move(out).finish();
}

std::string record_line(std::string_view id, const Json& record) {
  return Json(id).dump() + ":" + record.dump();
}

std::string_view line_id(std::string_view line) { return line.substr(1, line.find("\":{", 1) - 1); }

std::string_view line_json(std::string_view line) {
  // Two quotes and a colon stand around the id.
  return line.substr(line_id(line).size() + 3);
}

std::uint64_t claimed_generation(std::string_view text) {
  constexpr std::string_view kMember = "\"generation\":";
  constexpr std::uint64_t kBelievable = 1'000'000'000'000;  // beyond it: scribble, not a count
  const std::size_t at = text.find(kMember);
  if (at == std::string_view::npos) return 0;
  const std::string_view digits = text.substr(at + kMember.size());
  std::uint64_t generation = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), generation);
  return generation < kBelievable ? generation : 0;
}

}  // namespace orc
