#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "harness/check/linear/model.h"

namespace stress::linear {

/// The events of those operations that a search has not placed yet, in order of time: a doubly
/// linked list out of which an operation is lifted with both of its events, and put back in the
/// reverse order. Operations without completion stand in a list of their own, as nobody waits for
/// them.
class Timeline {
 public:
  using Event = std::uint32_t;  ///< an operation's number; with kReply its completion
  static constexpr Event kReply = 0x8000'0000;
  static constexpr Event kEnd = 0x7fff'ffff;

  /// `spans` by invocation; fewer than kEnd of them.
  explicit Timeline(std::span<const Span> spans);

  [[nodiscard]] Event first() const { return next_.back(); }
  [[nodiscard]] Event first_open() const { return next_open_.back(); }
  [[nodiscard]] Event after(Event event) const { return next_[index(event)]; }
  [[nodiscard]] Event after_open(Event event) const { return next_open_[event]; }
  [[nodiscard]] static bool is_reply(Event event) { return (event & kReply) != 0; }
  [[nodiscard]] static std::uint32_t operation(Event event) { return event & ~kReply; }
  [[nodiscard]] std::size_t required_left() const { return required_left_; }

  void lift(std::uint32_t operation);
  void put_back(std::uint32_t operation);

 private:
  [[nodiscard]] std::size_t index(Event event) const {
    return is_reply(event) ? operation(event) + count_ : event;
  }
  void unlink(std::vector<Event>& next, std::vector<Event>& previous, std::size_t at) const;
  void relink(std::vector<Event>& next, std::vector<Event>& previous, std::size_t at,
              Event event) const;
  [[nodiscard]] std::size_t slot(Event event, std::size_t end) const {
    return event == kEnd ? end : index(event);
  }

  std::size_t count_;
  std::vector<bool> open_;
  std::size_t required_left_ = 0;
  // Invocations, then completions, then the list's head and end in one.
  std::vector<Event> next_, previous_;
  std::vector<Event> next_open_, previous_open_;
};

}  // namespace stress::linear
