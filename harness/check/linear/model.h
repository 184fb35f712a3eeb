#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

/// Is a concurrent history what some sequential one would have answered? Sources:
///   J. M. Wing, C. Gong, "Testing and verifying concurrent objects", JPDC 17 (1993): the search;
///   G. Lowe, "Testing for linearizability", CCPE 29 (2017): configurations seen are not searched
///     again;
///   A. Horn, D. Kroening, "Faster linearizability checking via P-compositionality", FORTE 2015:
///     each key by itself;
///   P. B. Gibbons, E. Korach, "Testing shared memories", SIAM J. Comput. 26 (1997): where all
///     values differ, intervals decide, and nothing is searched.
namespace stress::linear {

/// A place in the order of a history's events, or a time. Real time is known by nothing else: one
/// operation precedes another where its completion is smaller than the other's invocation.
using Moment = std::int64_t;
inline constexpr Moment kBefore = std::numeric_limits<Moment>::min();
inline constexpr Moment kNever = std::numeric_limits<Moment>::max();

/// An operation without completion may take effect at any moment after its invocation, or never.
struct Span {
  Moment invoked = 0;
  Moment completed = kNever;

  [[nodiscard]] bool is_open() const { return completed == kNever; }
};

enum class Verdict {
  kOk,
  kIllegal,
  kUnknown,  ///< out of time or memory: nothing is claimed
};

struct Limits {
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  std::size_t memory_bytes_max = std::size_t{1} << 30;

  [[nodiscard]] bool is_over() const { return std::chrono::steady_clock::now() >= deadline; }
};

/// A sequential object. A Call is a request with its response; step() says whether the object would
/// answer so in this state, and moves it to the next one; where it says no, and where is_read(),
/// the state stays. It is a pure function. encode() appends what tells states apart: two are equal
/// exactly where their words are, which are of one number, or begin with their number.
template <class M>
concept Model = std::totally_ordered<typename M::Call> &&
                requires(const M& model, typename M::State& state, const typename M::State& other,
                         const typename M::Call& call, std::vector<std::uint64_t>& words) {
                  { model.initial() } -> std::same_as<typename M::State>;
                  { model.step(state, call) } -> std::same_as<bool>;
                  { model.is_read(call) } -> std::same_as<bool>;
                  model.encode(other, words);
                };

/// A model may know when a call that needs light has got out of reach: where may_lead_to() says no,
/// none but a call that revives can lead from the state to one where it is legal, and of those only
/// such that revives_for() says so of. And it may know states in the dark: in them nothing that
/// needs light is legal, all else is and stays there, but for a call that revives.
template <class M>
concept KnowsTheDark = Model<M> && requires(const M& model, const typename M::State& state,
                                            const typename M::Call& call) {
  { model.is_dark(state) } -> std::same_as<bool>;
  { model.needs_light(call) } -> std::same_as<bool>;
  { model.may_lead_to(state, call) } -> std::same_as<bool>;
  { model.revives(call) } -> std::same_as<bool>;
  { model.revives_for(call, call) } -> std::same_as<bool>;
};

template <class Call>
struct Timed {
  Span span;
  Call call;
};

}  // namespace stress::linear
