#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace stress {

/// Who waits in a loop: sleeps, or makes the same call again and again. Such a task yields, and
/// when it has done so it lets everybody else go on first: else it would go round and round for
/// nothing, and two of them, each of which finds that the other has moved, would keep a third from
/// its work for ever (source: M. Musuvathi, S. Qadeer: "Fair stateless model checking", PLDI 2008;
/// there it is after the second time that others come first).
///
/// Not thread-safe.
class WaitingLoops {
 public:
  using Labels = std::set<std::string, std::less<>>;

  /// `repeats_max`: so often in a row the same call, with nobody else between, and it counts as a
  /// loop that waits: a file that is read piece by piece is none.
  explicit WaitingLoops(int repeats_max) : repeats_max_(repeats_max) {}

  /// Whether a task that stands before this call is in a loop.
  [[nodiscard]] bool loops(std::string_view task, std::string_view call) const;
  /// Whether a task that is about to yield has to let one of these go on first.
  [[nodiscard]] bool gives_way(std::string_view task, const Labels& ready) const;

  /// A task has made this call. `living`: everybody there is, whether he can go on or not.
  void moved(std::string_view task, std::string_view call, bool yields, const Labels& living);
  /// Something else has changed, for which anybody may wait.
  void disturbed();

  /// A run's state after moved(): with what is remembered here by then.
  [[nodiscard]] std::uint64_t after(std::uint64_t state, std::string_view task,
                                    std::string_view call, bool yields, const Labels& living) const;

 private:
  struct Loop {
    std::string call;    ///< the last
    int repeats = 0;     ///< of it, since the others have moved
    Labels before;       ///< who else there was when it slept, but for those that have moved since
    bool slept = false;  ///< else it has but made the same call again and again
    bool rests = false;  ///< it has yielded, or another has moved since
  };
  [[nodiscard]] std::uint64_t with(std::uint64_t state, const Labels& living) const;

  int repeats_max_;
  std::map<std::string, Loop, std::less<>> loops_;  ///< by task
  std::string stepper_;                             ///< whose step the last was
};

}  // namespace stress
