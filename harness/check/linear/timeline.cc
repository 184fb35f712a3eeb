#include "harness/check/linear/timeline.h"

#include <algorithm>

namespace stress::linear {

Timeline::Timeline(std::span<const Span> spans)
    : count_(spans.size()),
      open_(spans.size()),
      next_(2 * spans.size() + 1, kEnd),
      previous_(2 * spans.size() + 1, kEnd),
      next_open_(spans.size() + 1, kEnd),
      previous_open_(spans.size() + 1, kEnd) {
  std::vector<std::uint32_t> replies;
  replies.reserve(count_);
  Event last_open = kEnd;
  for (std::uint32_t i = 0; i < count_; ++i) {
    open_[i] = spans[i].is_open();
    if (!open_[i]) {
      replies.push_back(i);
      continue;
    }
    next_open_[last_open == kEnd ? count_ : last_open] = i;
    previous_open_[i] = last_open;
    last_open = i;
  }
  previous_open_.back() = last_open;
  required_left_ = replies.size();
  std::ranges::stable_sort(replies, {}, [&](std::uint32_t i) { return spans[i].completed; });
  Event last = kEnd;
  const auto append = [&](Event event) {
    next_[slot(last, 2 * count_)] = event;
    previous_[index(event)] = last;
    last = event;
  };
  // At the same moment invocations come first: such operations are concurrent.
  auto reply = replies.begin();
  for (std::uint32_t i = 0; i < count_; ++i) {
    for (; reply != replies.end() && spans[*reply].completed < spans[i].invoked; ++reply) {
      append(*reply | kReply);
    }
    if (!open_[i]) append(i);
  }
  for (; reply != replies.end(); ++reply) append(*reply | kReply);
  previous_.back() = last;
}

void Timeline::unlink(std::vector<Event>& next, std::vector<Event>& previous,
                      std::size_t at) const {
  const std::size_t end = next.size() - 1;
  next[slot(previous[at], end)] = next[at];
  previous[slot(next[at], end)] = previous[at];
}

void Timeline::relink(std::vector<Event>& next, std::vector<Event>& previous, std::size_t at,
                      Event event) const {
  const std::size_t end = next.size() - 1;
  next[slot(previous[at], end)] = event;
  previous[slot(next[at], end)] = event;
}

void Timeline::lift(std::uint32_t operation) {
  if (open_[operation]) {
    unlink(next_open_, previous_open_, operation);
    return;
  }
  --required_left_;
  unlink(next_, previous_, operation);
  unlink(next_, previous_, operation + count_);
}

void Timeline::put_back(std::uint32_t operation) {
  if (open_[operation]) {
    relink(next_open_, previous_open_, operation, operation);
    return;
  }
  ++required_left_;
  relink(next_, previous_, operation + count_, operation | kReply);
  relink(next_, previous_, operation, operation);
}

}  // namespace stress::linear
