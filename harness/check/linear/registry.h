#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "harness/check/linear/commits.h"
#include "harness/check/linear/model.h"
#include "harness/check/linear/whole_reads.h"
#include "harness/history/evidence.h"

namespace stress::linear {

/// What clients asked of a registry, by the numbers of its agents. (`validate` changes nothing and
/// tells nothing of single agents; what was refused had no effect.)
struct RegistryCall {
  enum class Kind : std::uint8_t {
    kSpawn,
    kUpdate,  ///< of a record, which has to be there
    kEnd,     ///< a kill, or an update to a terminal status
    kList
  };
  Kind kind = Kind::kSpawn;
  std::uint32_t agent = 0;
  std::vector<std::uint32_t> seen;  ///< kList: each agent once, sorted

  auto operator<=>(const RegistryCall&) const = default;
};

/// A registry as a set of agents: an id is given once, records are never removed. A list shows all
/// of them, but need not show those that have ended.
class RegistryModel {
 public:
  using Call = RegistryCall;
  struct State {
    std::vector<bool> present, ended;
    std::size_t living = 0;
  };

  explicit RegistryModel(std::size_t agents) : agents_(agents) {}

  [[nodiscard]] State initial() const {
    return {std::vector<bool>(agents_), std::vector<bool>(agents_), 0};
  }
  static bool step(State& state, const Call& call);
  static bool is_read(const Call& call) {
    return call.kind == Call::Kind::kList || call.kind == Call::Kind::kUpdate;
  }
  static void encode(const State& state, std::vector<std::uint64_t>& words);

  static bool is_dark(const State& /*state*/) { return false; }
  static bool needs_light(const Call& call) { return call.kind == Call::Kind::kList; }
  /// A list can no longer be right once a living agent is there that it does not show, until that
  /// ends.
  static bool may_lead_to(const State& state, const Call& list);
  static bool revives(const Call& call) { return call.kind == Call::Kind::kEnd; }
  static bool revives_for(const Call& end, const Call& list);

 private:
  std::size_t agents_;
};

/// The part of a run that the model speaks of, as operations and agents with numbers. An agent
/// counts where its spawn was acknowledged and nothing could have ended it but an operation: what
/// ends by a fault, a repair or by itself leaves lists at a time that no operation tells. What an
/// operation of unknown outcome did to a record it may do at any time, which is more than the truth
/// (until its death), so nothing is called wrong that was right. Refers to the evidence.
struct RegistryHistory {
  struct Agent {
    const Operation* spawn;
    Span span;           ///< of its spawn
    bool stays = false;  ///< no operation can have ended it either
  };
  std::vector<Agent> agents;
  std::vector<const Operation*> lists;
  std::vector<std::vector<std::uint32_t>> seen;  ///< by list: numbers of agents, sorted

  explicit RegistryHistory(const Evidence& evidence);

  /// Agents that stay, with their numbers among all.
  struct Growing {
    std::vector<std::uint32_t> agents;
    std::vector<Span> additions;
    std::vector<WholeRead> reads;
  };
  [[nodiscard]] Growing growing() const;
  /// Spawns of agents that stay where they have places, and lists as to those agents. What is an
  /// order of all is one of them, so nothing is called wrong that was right.
  struct Commits {
    std::vector<Placed<RegistryCall>> calls;
    std::vector<const Operation*> operations;
  };
  [[nodiscard]] Commits commits() const;
  /// Everything, by invocation.
  struct All {
    std::vector<Timed<RegistryCall>> calls;
    std::vector<const Operation*> operations;
  };
  [[nodiscard]] All all(const Evidence& evidence) const;
};

}  // namespace stress::linear
