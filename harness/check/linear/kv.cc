#include "harness/check/linear/kv.h"

#include <algorithm>
#include <cstring>

namespace stress::linear {

bool PlainKvModel::step(State& state, const Call& call) {
  if (call.kind == Call::Kind::kGet) return state == call.text;
  if (call.kind == Call::Kind::kPut) state.clear();
  state.append(call.text);
  return true;
}

void PlainKvModel::encode(const State& state, std::vector<std::uint64_t>& words) {
  words.push_back(state.size());
  const std::size_t begin = words.size();
  words.resize(begin + (state.size() + 7) / 8);
  std::memcpy(words.data() + begin, state.data(), state.size());
}

KvModel::KvModel(std::span<const Timed<Call>> operations) {
  for (const auto& operation : operations) {
    if (operation.call.kind == Call::Kind::kGet) texts_.push_back(operation.call.text);
  }
  std::ranges::sort(texts_);
  texts_.erase(std::ranges::unique(texts_).begin(), texts_.end());
}

bool KvModel::step(State& state, const Call& call) const {
  if (call.kind == Call::Kind::kGet) {
    // The text itself is the first of all that begin with it.
    return !is_dark(state) && state.length == call.text.size() && texts_[state.first] == call.text;
  }
  if (call.kind == Call::Kind::kPut) state = initial();
  // All of them are equal up to here, so they are sorted by what comes after.
  const auto compare = [&](std::string_view text) {
    return text.compare(state.length, call.text.size(), call.text);
  };
  const auto begin = texts_.begin() + state.first;
  const auto end = texts_.begin() + state.last;
  const auto first =
      std::partition_point(begin, end, [&](std::string_view text) { return compare(text) < 0; });
  const auto last =
      std::partition_point(first, end, [&](std::string_view text) { return compare(text) == 0; });
  state = {static_cast<std::uint32_t>(first - texts_.begin()),
           static_cast<std::uint32_t>(last - texts_.begin()),
           state.length + static_cast<std::uint32_t>(call.text.size())};
  return true;
}

bool KvModel::may_lead_to(const State& state, const Call& get) const {
  if (is_dark(state)) return false;
  return get.text.starts_with(texts_[state.first].substr(0, state.length));
}

void KvModel::encode(const State& state, std::vector<std::uint64_t>& words) {
  words.push_back(is_dark(state) ? ~std::uint64_t{0}
                                 : std::uint64_t{state.first} << 32 | state.length);
}

}  // namespace stress::linear
