#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stress {

/// As Candidate::asks_after: it may tell of anybody's death.
constexpr const char* kAnybody = "*";

/// A task that could go on now.
struct Candidate {
  std::string task;       ///< its label: "A", its first child "A.1", its second thread "A/2"
  std::string operation;  ///< the operation that it works for: "A"
  std::string turn;       ///< with whom it takes turns: see Moment
  std::string key;        ///< its next call, the same in each repetition: "read registry.json"
  /// Of the run, once it has made this call: of all programs (see Causality), and of what the
  /// scheduler remembers of the task for `yields`.
  std::uint64_t state = 0;
  bool yields = false;  ///< it sleeps, or asks for the same thing again and again
  /// That its call is about, as in Mortal::locks; 0: none, or one that nobody has asked for before.
  std::uint64_t lock = 0;
  /// The operation after whose life its call asks; or kAnybody.
  std::string asks_after;
  bool operator==(const Candidate&) const = default;
};

/// An operation that could be killed now.
struct Mortal {
  std::string operation;
  bool has_descendants = false;  ///< that would die with it: then there are two ways
  /// It has a pipe or the like in common with another process of the operation, or one that would
  /// die with it has with somebody who would not: by which they may tell of their steps, or of
  /// their death.
  bool is_heard = false;
  /// It has a file open that another of its processes has open too, by whose lock it would have
  /// one.
  bool shares_files = false;
  int standing = 0;  ///< how many of the tasks that would die with it stand before calls
  std::vector<std::uint64_t> locks;  ///< that its processes have
  /// Of the run, once it is dead, in either way, and of whose turn it is then.
  std::uint64_t state = 0;
  bool operator==(const Mortal&) const = default;
};

/// A moment at which nothing moves, and somebody must be let go on.
struct Moment {
  std::uint64_t step = 0;             ///< counts from 0
  std::vector<Candidate> candidates;  ///< by label; at least one
  std::vector<Mortal> mortals;        ///< by label; none where no more may be killed
  std::optional<std::size_t> last;    ///< who ran last and could go on, if he does not yield
  /// Whose turn it is: all processes of an operation take turns as one, so that it has its turn for
  /// as long as any of them could go on and does not yield; what runs in a session of its own takes
  /// turns by itself. Empty: nobody's.
  std::string turn;
  /// Somebody waits, and a death that lets him go on would change whose turn it is: he ran last, so
  /// that going on with another is free now, or would go on at once.
  bool held_up = false;
  /// There is no choice, as what runs in a session of its own goes on at once.
  bool forced = false;
  /// The step before it has changed nothing that anybody but its own task could notice.
  bool traceless = false;
  /// Nor would, were its process to die now, whoever lives on: what it took are locks.
  bool traceless_once_dead = false;
  bool operator==(const Moment&) const = default;
};

enum class Act { kRun, kCrash, kCrashWithDescendants };
std::string_view to_string(Act act);

/// What is decided at a moment. By name, so that it can be kept and carried out again.
struct Decision {
  Act act = Act::kRun;
  std::string who;  ///< kRun: a task; else an operation
  bool operator==(const Decision&) const = default;
};

/// Whether it can be carried out.
bool is_possible(const Moment& moment, const Decision& decision);

/// Whether somebody else is taken while the last one, or another whose turn it is, could go on.
bool is_preemption(const Moment& moment, const Decision& decision);

/// Chooses at each moment of one run. May be asked once a moment, in order.
class Strategy {
 public:
  virtual ~Strategy() = default;
  /// nullopt: the run departed from what was to be repeated; why_departed() says how.
  virtual std::optional<Decision> choose(const Moment& moment) = 0;
  [[nodiscard]] virtual std::string why_departed() const { return {}; }
  /// It chose nothing because what comes after this decision was run before.
  [[nodiscard]] virtual std::optional<Decision> known() const { return std::nullopt; }
};

/// The rule where nothing else is asked for: whoever ran last goes on; else the first by label of
/// those whose turn it is, or of all.
Decision by_default(const Moment& moment);

}  // namespace stress
