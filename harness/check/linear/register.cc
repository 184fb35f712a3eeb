#include "harness/check/linear/register.h"

#include <algorithm>
#include <utility>

#include "harness/check/linear/blocks.h"

namespace stress::linear {
namespace {

using Kind = RegisterCall::Kind;

constexpr std::uint32_t kNone = 0xffff'ffff;

/// Lays the operations of one key out by value.
class ByValue {
 public:
  ByValue(std::uint32_t initial, std::span<const Timed<RegisterCall>> operations)
      : initial_(initial), operations_(operations) {
    for (const auto& operation : operations) {
      spans_.push_back(operation.span);
      if (operation.call.observes() && !operation.span.is_open()) {
        observed_.push_back(operation.call.expected);
      }
    }
    settle_observed();
  }

  [[nodiscard]] std::optional<Ruling> rule() {
    if (!collect_writers()) return std::nullopt;
    for (const std::uint32_t i : needed_) {
      const RegisterCall& call = operations_[i].call;
      if (!call.observes() || call.expected == initial_) continue;
      if (writer_of(call.expected) == kNone) return Ruling{false, {i}};
    }
    collect_readers();
    if (auto twice = followed_twice()) return Ruling{false, std::move(*twice)};
    Blocks blocks;
    std::size_t laid = lay_chain(blocks, initial_, kNone);
    for (const auto& [value, writer] : writers_) {
      if (operations_[writer].call.kind == Kind::kWrite) laid += lay_chain(blocks, value, writer);
    }
    if (laid < needed_.size()) return Ruling{false, circle()};
    auto contradiction = blocks.contradiction(spans_);
    if (!contradiction) return Ruling{};
    return Ruling{false, std::move(*contradiction)};
  }

 private:
  void settle_observed() {
    std::ranges::sort(observed_);
    observed_.erase(std::ranges::unique(observed_).begin(), observed_.end());
  }
  [[nodiscard]] bool is_observed(std::uint32_t value) const {
    return std::ranges::binary_search(observed_, value);
  }

  /// Whether the operation has to have taken effect: completed ones, and of the others those whose
  /// value somebody saw. (One that nobody saw may as well not have.)
  [[nodiscard]] bool is_needed(const Timed<RegisterCall>& operation) const {
    if (!operation.span.is_open()) return true;
    return operation.call.writes() && is_observed(operation.call.value);
  }

  /// False: a value has two writers, or the initial one has one.
  bool collect_writers() {
    // An open compare-and-set that is needed makes its old value an observed one, and so on.
    for (std::size_t before = kNone; before != observed_.size();) {
      before = observed_.size();
      for (const auto& operation : operations_) {
        if (operation.call.kind == Kind::kCas && operation.span.is_open() && is_needed(operation)) {
          observed_.push_back(operation.call.expected);
        }
      }
      settle_observed();
    }
    for (std::uint32_t i = 0; i < operations_.size(); ++i) {
      if (!is_needed(operations_[i])) continue;
      needed_.push_back(i);
      if (operations_[i].call.writes()) writers_.emplace_back(operations_[i].call.value, i);
    }
    std::ranges::sort(writers_);
    const auto same_value = [](const auto& a, const auto& b) { return a.first == b.first; };
    return std::ranges::adjacent_find(writers_, same_value) == writers_.end() &&
           writer_of(initial_) == kNone;
  }

  [[nodiscard]] std::uint32_t writer_of(std::uint32_t value) const {
    const auto found = std::ranges::lower_bound(writers_, value, {}, &Valued::first);
    return found == writers_.end() || found->first != value ? kNone : found->second;
  }

  void collect_readers() {
    for (const std::uint32_t i : needed_) {
      const RegisterCall& call = operations_[i].call;
      if (call.kind == Kind::kRead) readers_.emplace_back(call.expected, i);
      if (call.kind == Kind::kCas) followers_.emplace_back(call.expected, i);
    }
    std::ranges::sort(readers_);
    std::ranges::sort(followers_);
  }

  /// Two compare-and-sets that found the same value, which was written once.
  [[nodiscard]] std::optional<std::vector<std::uint32_t>> followed_twice() const {
    for (std::size_t i = 1; i < followers_.size(); ++i) {
      if (followers_[i].first != followers_[i - 1].first) continue;
      return std::vector{followers_[i - 1].second, followers_[i].second};
    }
    return std::nullopt;
  }

  /// One block: the value, its readers, whoever followed it, and so on. Returns how many.
  std::size_t lay_chain(Blocks& blocks, std::uint32_t value, std::uint32_t writer) {
    blocks.begin(writer == kNone);
    std::size_t laid = 0;
    for (std::uint32_t rank = 0;; rank += 2) {
      if (writer != kNone) {
        blocks.add(writer, rank);
        ++laid;
      }
      for (const auto& reader : std::ranges::equal_range(readers_, value, {}, &Valued::first)) {
        blocks.add(reader.second, rank + 1);
        ++laid;
      }
      const auto next = std::ranges::lower_bound(followers_, value, {}, &Valued::first);
      if (next == followers_.end() || next->first != value) break;
      writer = next->second;
      value = operations_[writer].call.value;
    }
    return laid;
  }

  /// Compare-and-sets that each found what another of them wrote.
  [[nodiscard]] std::vector<std::uint32_t> circle() const {
    std::vector<bool> rooted(operations_.size());
    const auto follow = [&](std::uint32_t value) {
      while (true) {
        const auto next = std::ranges::lower_bound(followers_, value, {}, &Valued::first);
        if (next == followers_.end() || next->first != value) return;
        rooted[next->second] = true;
        value = operations_[next->second].call.value;
      }
    };
    follow(initial_);
    for (const auto& [value, writer] : writers_) {
      if (operations_[writer].call.kind == Kind::kWrite) follow(value);
    }
    std::vector<std::uint32_t> found;
    for (const auto& [value, follower] : followers_) {
      if (!rooted[follower]) found.push_back(follower);
    }
    std::ranges::sort(found);
    return found;
  }

  using Valued = std::pair<std::uint32_t, std::uint32_t>;  ///< value, operation

  std::uint32_t initial_;
  std::span<const Timed<RegisterCall>> operations_;
  std::vector<Span> spans_;
  std::vector<std::uint32_t> observed_;
  std::vector<std::uint32_t> needed_;
  std::vector<Valued> writers_, readers_, followers_;  ///< by value
};

}  // namespace

RegisterModel::RegisterModel(std::uint32_t initial, std::span<const Timed<Call>> operations)
    : initial_(initial) {
  for (const auto& operation : operations) {
    if (operation.call.observes()) observed_.push_back(operation.call.expected);
  }
  std::ranges::sort(observed_);
  observed_.erase(std::ranges::unique(observed_).begin(), observed_.end());
}

RegisterModel::State RegisterModel::seen(std::uint32_t value) const {
  return all_count_ || std::ranges::binary_search(observed_, value) ? value : kDark;
}

bool RegisterModel::step(State& state, const Call& call) const {
  if (call.observes() && state != call.expected) return false;
  if (call.writes()) state = seen(call.value);
  return true;
}

std::optional<Ruling> rule_register(std::uint32_t initial,
                                    std::span<const Timed<RegisterCall>> operations) {
  return ByValue(initial, operations).rule();
}

}  // namespace stress::linear
