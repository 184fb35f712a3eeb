#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/check/linear/commits.h"
#include "harness/check/linear/explain.h"
#include "harness/check/linear/kv.h"
#include "harness/check/linear/model.h"
#include "harness/history/client_history.h"

namespace stress::linear {

/// A register of a client history.
class RegisterObject {
 public:
  using Call = RegisterCall;
  using Model = RegisterModel;
  using Plain = RegisterModel;
  static constexpr std::string_view kName = "register";

  /// The table must outlive it.
  RegisterObject(const ValueTable& values, ValueTable::Id initial)
      : values_(values), initial_(initial) {}

  [[nodiscard]] Call call(const ClientOperation& op) const;
  [[nodiscard]] std::optional<Ruling> rule(std::span<const Timed<Call>> operations) const {
    return rule_register(initial_, operations);
  }
  [[nodiscard]] Model model(std::span<const Timed<Call>> operations) const {
    return {initial_, operations};
  }
  [[nodiscard]] Plain plain(std::span<const Timed<Call>> /*operations*/) const {
    return Model::plain(initial_);
  }
  static bool may_see(const Call& writer, const Call& reader) {
    return writer.writes() && writer.value == reader.expected;
  }
  [[nodiscard]] std::string answer(Plain::State state, const Call& call) const;

 private:
  const ValueTable& values_;
  ValueTable::Id initial_;
};

/// A key of a store of texts.
class KvObject {
 public:
  using Call = KvCall;
  using Model = KvModel;
  using Plain = PlainKvModel;
  static constexpr std::string_view kName = "kv";

  explicit KvObject(const ValueTable& values) : values_(values) {}

  [[nodiscard]] Call call(const ClientOperation& op) const;
  [[nodiscard]] static std::optional<Ruling> rule(std::span<const Timed<Call>> operations) {
    return rule_kv(operations);
  }
  [[nodiscard]] static Model model(std::span<const Timed<Call>> operations) {
    return Model(operations);
  }
  [[nodiscard]] static Plain plain(std::span<const Timed<Call>> /*operations*/) { return {}; }
  static bool may_see(const Call& writer, const Call& reader) {
    return writer.writes() && reader.text.find(writer.text) != std::string_view::npos;
  }
  [[nodiscard]] static std::string answer(const std::string& state, const Call& call);

 private:
  const ValueTable& values_;
};

/// What came of one key that is not linearizable.
struct IllegalKey {
  ValueTable::Id key = ValueTable::kNil;
  std::optional<CommitProblem::Kind> commits;  ///< where the order of commits was known
  std::vector<std::size_t> window;  ///< indices of operations; empty: no time to find them
  std::size_t blocked = 0;          ///< as Explanation::blocked; where there is a window
  std::vector<std::string> legal;
  bool legal_complete = false;
};

struct ClientVerdict {
  Verdict verdict = Verdict::kOk;  ///< illegal outweighs unknown
  std::uint64_t operations = 0;
  std::uint64_t keys = 0;
  std::uint64_t searched = 0;    ///< keys on which only a search could tell
  std::uint64_t by_commits = 0;  ///< keys whose order of commits was known
  std::uint64_t undecided = 0;
  bool out_of_memory = false;
  std::vector<IllegalKey> illegal;  ///< the first 20, by key
  std::uint64_t illegal_total = 0;
};

/// A key whose completed writes all have their places in the order of commits is held against that
/// order; else any order will do. Judges each key by itself, which is exact (linearizability is a
/// local property: M. Herlihy, J. Wing, TOPLAS 1990). What failed is left out. The memory limit is
/// that of one search.
ClientVerdict judge_registers(const ClientHistory& history, ValueTable::Id initial,
                              const Limits& limits);
ClientVerdict judge_store(const ClientHistory& history, const Limits& limits);

}  // namespace stress::linear
