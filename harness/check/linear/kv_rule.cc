#include <algorithm>
#include <cstddef>
#include <utility>

#include "harness/check/linear/blocks.h"
#include "harness/check/linear/kv.h"

namespace stress::linear {
namespace {

using Kind = KvCall::Kind;
using Operations = std::vector<std::uint32_t>;

constexpr std::uint32_t kNone = 0xffff'ffff;

/// Who wrote which piece of text.
class Writers {
 public:
  explicit Writers(std::span<const Timed<KvCall>> operations) : operations_(operations) {
    for (std::uint32_t i = 0; i < operations.size(); ++i) {
      const KvCall& call = operations[i].call;
      // Nobody can tell whether nothing was appended.
      if (call.kind == Kind::kPut || (call.writes() && !call.text.empty())) sorted_.push_back(i);
    }
    std::ranges::sort(sorted_, {}, [&](std::uint32_t i) { return text(i); });
  }

  /// No piece begins with another one: then a text falls into pieces in one way only.
  [[nodiscard]] bool are_plain() const {
    if (!sorted_.empty() && text(sorted_.front()).empty()) return false;
    const auto begins = [&](std::uint32_t a, std::uint32_t b) {
      return text(b).starts_with(text(a));
    };
    return std::ranges::adjacent_find(sorted_, begins) == sorted_.end();
  }

  /// Nothing: no writers make this text.
  [[nodiscard]] std::optional<Operations> pieces(std::string_view whole) const {
    Operations found;
    while (!whole.empty()) {
      const auto after =
          std::ranges::upper_bound(sorted_, whole, {}, [&](std::uint32_t i) { return text(i); });
      if (after == sorted_.begin() || !whole.starts_with(text(*std::prev(after)))) {
        return std::nullopt;
      }
      found.push_back(*std::prev(after));
      whole.remove_prefix(text(found.back()).size());
    }
    return found;
  }
  [[nodiscard]] const Operations& all() const { return sorted_; }

 private:
  [[nodiscard]] std::string_view text(std::uint32_t i) const { return operations_[i].call.text; }

  std::span<const Timed<KvCall>> operations_;
  Operations sorted_;  ///< by text
};

struct Get {
  std::uint32_t operation;
  std::uint32_t root;  ///< the put that the text begins with; kNone: what was there at first
  Operations pieces;
};

class ByBlock {
 public:
  explicit ByBlock(std::span<const Timed<KvCall>> operations)
      : operations_(operations), writers_(operations), seen_in_(operations.size(), kNone) {}

  std::optional<Ruling> rule() {
    if (!writers_.are_plain()) return std::nullopt;
    for (const auto& operation : operations_) spans_.push_back(operation.span);
    if (auto wrong = read_gets()) return Ruling{false, std::move(*wrong)};
    // By block, the longest text of each last.
    std::ranges::sort(gets_, [](const Get& a, const Get& b) {
      return std::pair(a.root, a.pieces.size()) < std::pair(b.root, b.pieces.size());
    });
    Blocks blocks;
    if (auto wrong = lay_gets(blocks)) return Ruling{false, std::move(*wrong)};
    for (const std::uint32_t writer : writers_.all()) {
      if (seen_in_[writer] != kNone || spans_[writer].is_open()) continue;
      blocks.begin();
      blocks.add(writer, 0);
    }
    auto contradiction = blocks.contradiction(spans_);
    if (!contradiction) return Ruling{};
    add_witnesses(*contradiction);
    return Ruling{false, std::move(*contradiction)};
  }

 private:
  /// What contradicts itself.
  std::optional<Operations> read_gets() {
    for (std::uint32_t i = 0; i < operations_.size(); ++i) {
      if (!operations_[i].call.observes() || spans_[i].is_open()) continue;
      auto pieces = writers_.pieces(operations_[i].call.text);
      if (!pieces) return Operations{i};
      for (std::size_t k = 1; k < pieces->size(); ++k) {
        if (operations_[(*pieces)[k]].call.kind == Kind::kPut) return Operations{i};
      }
      const bool rooted = !pieces->empty() && operations_[pieces->front()].call.kind == Kind::kPut;
      const std::uint32_t root = rooted ? pieces->front() : kNone;
      gets_.push_back({i, root, std::move(*pieces)});
    }
    return std::nullopt;
  }

  std::optional<Operations> lay_gets(Blocks& blocks) {
    for (std::size_t i = 0; i < gets_.size(); ++i) {
      const Get& get = gets_[i];
      if (i == 0 || gets_[i - 1].root != get.root) blocks.begin(get.root == kNone);
      blocks.add(get.operation, static_cast<std::uint32_t>(2 * get.pieces.size()));
      if (i + 1 < gets_.size() && gets_[i + 1].root == get.root) {
        const Get& longer = gets_[i + 1];
        if (std::ranges::equal(get.pieces, std::span(longer.pieces).first(get.pieces.size()))) {
          continue;
        }
        return Operations{std::min(get.operation, longer.operation),
                          std::max(get.operation, longer.operation)};
      }
      for (std::uint32_t k = 0; k < get.pieces.size(); ++k) {
        std::uint32_t& seen_in = seen_in_[get.pieces[k]];
        if (seen_in == get.operation) return Operations{seen_in};  // twice in one text
        if (seen_in != kNone) {
          return Operations{std::min(seen_in, get.operation), std::max(seen_in, get.operation)};
        }
        seen_in = get.operation;
        blocks.add(get.pieces[k], 2 * k + 1);
      }
    }
    return std::nullopt;
  }

  /// The gets that tie writers to their blocks.
  void add_witnesses(Operations& operations) const {
    const std::size_t count = operations.size();
    for (std::size_t i = 0; i < count; ++i) {
      if (seen_in_[operations[i]] != kNone) operations.push_back(seen_in_[operations[i]]);
    }
    std::ranges::sort(operations);
    operations.erase(std::ranges::unique(operations).begin(), operations.end());
  }

  std::span<const Timed<KvCall>> operations_;
  Writers writers_;
  std::vector<Span> spans_;
  std::vector<Get> gets_;
  Operations seen_in_;  ///< by writer: the longest get of its block
};

}  // namespace

std::optional<Ruling> rule_kv(std::span<const Timed<KvCall>> operations) {
  return ByBlock(operations).rule();
}

}  // namespace stress::linear
