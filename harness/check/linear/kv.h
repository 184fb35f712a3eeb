#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/check/linear/model.h"
#include "harness/check/linear/register.h"

namespace stress::linear {

/// One key of a store: put replaces its text, append adds to it, get returns it. It begins empty.
struct KvCall {
  enum class Kind : std::uint8_t { kGet, kPut, kAppend };
  Kind kind = Kind::kGet;
  std::string_view text;  ///< what was put, appended or returned; its owner outlives the call

  auto operator<=>(const KvCall&) const = default;
  [[nodiscard]] bool observes() const { return kind == Kind::kGet; }
  [[nodiscard]] bool writes() const { return kind != Kind::kGet; }
};

/// The store as anybody would write it down. Its states are as long as their texts.
class PlainKvModel {
 public:
  using Call = KvCall;
  using State = std::string;

  [[nodiscard]] static State initial() { return {}; }
  static bool step(State& state, const Call& call);
  static bool is_read(const Call& call) { return !call.writes(); }
  static void encode(const State& state, std::vector<std::uint64_t>& words);
};

/// The same for one history: it knows what its gets returned, so a text is a place in one of
/// these, and one that begins none of them is the dark, whatever it is. A state is one word.
class KvModel {
 public:
  using Call = KvCall;
  /// The texts that begin with it, and its length; none: dark.
  struct State {
    std::uint32_t first = 0;
    std::uint32_t last = 0;  ///< one after
    std::uint32_t length = 0;
  };

  explicit KvModel(std::span<const Timed<Call>> operations);

  [[nodiscard]] State initial() const { return {0, static_cast<std::uint32_t>(texts_.size()), 0}; }
  bool step(State& state, const Call& call) const;
  static bool is_read(const Call& call) { return !call.writes(); }
  static void encode(const State& state, std::vector<std::uint64_t>& words);

  static bool is_dark(const State& state) { return state.first == state.last; }
  static bool revives(const Call& call) { return call.kind == Call::Kind::kPut; }
  static bool needs_light(const Call& call) { return call.kind == Call::Kind::kGet; }
  [[nodiscard]] bool may_lead_to(const State& state, const Call& get) const;
  static bool revives_for(const Call& put, const Call& get) {
    return get.text.starts_with(put.text);
  }

 private:
  std::vector<std::string_view> texts_;  ///< sorted
};

/// Exact, in time that grows with the texts that were returned, where all texts that were put or
/// appended differ and none begins with another one, so that a text tells who wrote it, in which
/// order; else nothing is said. A put with the appends behind it and their gets is a block; a
/// write that nobody saw is one by itself.
std::optional<Ruling> rule_kv(std::span<const Timed<KvCall>> operations);

}  // namespace stress::linear
