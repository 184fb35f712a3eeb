#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "harness/check/linear/model.h"

namespace stress::linear {

/// A monitor's word on the operations of one key.
struct Ruling {
  bool legal = true;
  /// Not legal: operations which are so by themselves, whatever the others were.
  std::vector<std::uint32_t> contradiction;
};

/// A register that is read, written, and compared and set. Values are numbers that stand for them.
/// A compare-and-set that was answered with "not equal" is none of these calls: it has no effect
/// and, as in Jepsen, no say.
struct RegisterCall {
  enum class Kind : std::uint8_t { kRead, kWrite, kCas };
  Kind kind = Kind::kRead;
  std::uint32_t expected = 0;  ///< the value read; of kCas: the old one
  std::uint32_t value = 0;     ///< the value written

  auto operator<=>(const RegisterCall&) const = default;
  [[nodiscard]] bool observes() const { return kind != Kind::kWrite; }
  [[nodiscard]] bool writes() const { return kind != Kind::kRead; }
};

class RegisterModel {
 public:
  using Call = RegisterCall;
  using State = std::uint32_t;

  /// For histories of these operations: a value that none of them observes is as good as any other
  /// such, which is what makes it the dark.
  RegisterModel(std::uint32_t initial, std::span<const Timed<Call>> operations);
  /// Without a dark: all values count.
  static RegisterModel plain(std::uint32_t initial) { return RegisterModel(initial); }

  [[nodiscard]] State initial() const { return seen(initial_); }
  bool step(State& state, const Call& call) const;
  static bool is_read(const Call& call) { return !call.writes(); }
  static void encode(State state, std::vector<std::uint64_t>& words) { words.push_back(state); }

  static bool is_dark(State state) { return state == kDark; }
  static bool revives(const Call& call) { return call.kind == Call::Kind::kWrite; }
  static bool needs_light(const Call& call) { return call.observes(); }
  static bool may_lead_to(State state, const Call& /*call*/) { return !is_dark(state); }
  [[nodiscard]] bool revives_for(const Call& write, const Call& /*wanted*/) const {
    return !is_dark(seen(write.value));
  }

 private:
  static constexpr State kDark = 0xffff'ffff;
  explicit RegisterModel(std::uint32_t initial) : initial_(initial), all_count_(true) {}
  [[nodiscard]] State seen(std::uint32_t value) const;

  std::uint32_t initial_;
  bool all_count_ = false;
  std::vector<std::uint32_t> observed_;  ///< sorted
};

/// Exact in O(n log n) where each value that matters is written once, and not the initial one; else
/// nothing is said. A value with its writer and its readers is a block; a compare-and-set
/// joins the block of its old value, right behind it.
std::optional<Ruling> rule_register(std::uint32_t initial,
                                    std::span<const Timed<RegisterCall>> operations);

}  // namespace stress::linear
