// Goal: histories of a correct object pass; a history with exactly one response that nothing
// explains never does, whichever way it is judged; the ways agree with each other, and on small
// histories with a check of every order there is.
// Method: random runs with overlapping clients, some of which die; the wrong response is one that
// is provably wrong, by real time alone.
#include <algorithm>
#include <functional>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "harness/check/clients.h"
#include "harness/check/linear/clients.h"
#include "harness/check/linear/registry.h"
#include "harness/check/linear/whole_reads.h"
#include "tests/support/client_stories.h"

namespace stress::linear {
namespace {

using tests::ClientStory;
using tests::StoryShape;

template <class O>
std::vector<Timed<typename O::Call>> calls_of(const ClientHistory& history, const O& object) {
  std::vector<Timed<typename O::Call>> calls;
  for (const ClientOperation& op : history.operations) {
    const bool ok = op.outcome == OpOutcome::kOk;
    if (op.outcome == OpOutcome::kRefused || (!ok && op.observes())) continue;
    calls.push_back(
        {{static_cast<Moment>(op.invoked), ok ? static_cast<Moment>(*op.completed) : kNever},
         object.call(op)});
  }
  return calls;
}

/// Every order of all completed operations and of any of the others.
template <Model M>
bool some_order_explains(const M& model, const std::vector<Timed<typename M::Call>>& calls) {
  std::vector<bool> placed(calls.size());
  const std::function<bool(typename M::State)> go = [&](const typename M::State& state) {
    Moment first_reply = kNever;
    for (std::size_t i = 0; i < calls.size(); ++i) {
      if (!placed[i]) first_reply = std::min(first_reply, calls[i].span.completed);
    }
    if (first_reply == kNever) return true;
    for (std::size_t i = 0; i < calls.size(); ++i) {
      if (placed[i] || calls[i].span.invoked > first_reply) continue;
      typename M::State next = state;
      if (!model.step(next, calls[i].call)) continue;
      placed[i] = true;
      const bool found = go(next);
      placed[i] = false;
      if (found) return true;
    }
    return false;
  };
  return go(model.initial());
}

StoryShape small_shape(bool store) {
  StoryShape shape;
  shape.store = store;
  shape.operations = *rc::gen::inRange<std::uint64_t>(1, 9);
  shape.clients = *rc::gen::inRange<std::uint64_t>(2, 5);
  shape.values = *rc::gen::inRange<std::uint64_t>(0, 4);
  shape.unknown = 0.2;
  return shape;
}

std::uint64_t seed() { return *rc::gen::arbitrary<std::uint64_t>(); }

/// Any response may be wrong, or none.
void disturb(ClientHistory& history, std::uint64_t draw) {
  std::vector<ValueTable::Id> values{ValueTable::kNil};
  std::vector<ClientOperation*> reads;
  for (ClientOperation& op : history.operations) {
    values.push_back(op.value);
    if (op.observes() && op.outcome == OpOutcome::kOk) reads.push_back(&op);
  }
  if (reads.empty()) return;
  reads[draw % reads.size()]->value = values[draw / 64 % values.size()];
}

template <class O>
void expect_agreement(const ClientHistory& history, const O& object) {
  const auto calls = calls_of(history, object);
  const std::span<const Timed<typename O::Call>> all(calls);
  const bool legal = some_order_explains(object.plain(all), calls);
  const auto expected = legal ? Verdict::kOk : Verdict::kIllegal;
  RC_ASSERT(search(object.plain(all), all, {}).verdict == expected);
  RC_ASSERT(search(object.model(all), all, {}).verdict == expected);
  const auto ruling = object.rule(all);
  if (ruling) RC_ASSERT(ruling->legal == legal);
}

/// Many of one shape: what is interesting is rare.
template <class Judge>
void for_small_histories(bool store, const Judge& judge) {
  const StoryShape shape = small_shape(store);
  std::mt19937_64 random(seed());
  for (int i = 0; i < 40; ++i) {
    ClientHistory history = ClientStory(shape, random()).take();
    disturb(history, random());
    judge(history);
  }
}

RC_GTEST_PROP(SmallRegisters, AreJudgedAsByEveryOrder, ()) {
  for_small_histories(false, [](const ClientHistory& history) {
    expect_agreement(history, RegisterObject(history.values, ValueTable::kNil));
  });
}

RC_GTEST_PROP(SmallStores, AreJudgedAsByEveryOrder, ()) {
  for_small_histories(true, [](const ClientHistory& history) {
    expect_agreement(history, KvObject(history.values));
  });
}

StoryShape large_shape() {
  StoryShape shape;
  shape.store = *rc::gen::arbitrary<bool>();
  shape.operations = *rc::gen::inRange<std::uint64_t>(20, 400);
  shape.clients = *rc::gen::inRange<std::uint64_t>(2, 12);
  shape.keys = *rc::gen::inRange<std::uint64_t>(1, 4);
  shape.values = *rc::gen::element<std::uint64_t>(0, 0, 5, 40);
  return shape;
}

report::Verdict verdict_on(const ClientHistory& history) {
  return check_clients(history, ValueTable::kNil, {}).verdict;
}

RC_GTEST_PROP(ClientHistories, OfACorrectObjectPass, ()) {
  const ClientHistory history = ClientStory(large_shape(), seed()).take();
  RC_ASSERT(verdict_on(history) != report::Verdict::kFail);
}

/// Responses that real time alone forbids: what was overwritten before the read began, what was
/// written only after it was over, what nobody wrote.
struct Wrong {
  std::size_t read;
  ValueTable::Id value;
};
std::vector<Wrong> wrong_responses(ClientHistory& history) {
  std::vector<Wrong> wrong;
  const ValueTable::Id nobodys = history.values.intern_text("nobody's");
  const std::vector<ClientOperation>& ops = history.operations;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const ClientOperation& read = ops[i];
    if (!read.observes() || read.outcome != OpOutcome::kOk) continue;
    wrong.push_back({i, nobodys});
    for (const ClientOperation& write : ops) {
      if (write.observes() || write.key != read.key) continue;
      if (write.invoked > *read.completed) wrong.push_back({i, write.value});
      if (!write.completed || write.outcome != OpOutcome::kOk) continue;
      // A store's text is replaced by puts alone.
      const bool over = std::ranges::any_of(ops, [&](const ClientOperation& later) {
        const bool replaces = later.function == ClientFunction::kWrite ||
                              later.function == ClientFunction::kCas ||
                              later.function == ClientFunction::kPut;
        return replaces && later.key == read.key && later.outcome == OpOutcome::kOk &&
               later.invoked > *write.completed && *later.completed < read.invoked;
      });
      if (over) wrong.push_back({i, write.value});
    }
  }
  return wrong;
}

RC_GTEST_PROP(ClientHistories, WithOneWrongResponseAreAllFound, ()) {
  StoryShape shape = large_shape();
  shape.values = 0;  // so that a value tells its writer
  ClientHistory history = ClientStory(shape, seed()).take();
  const std::vector<Wrong> choices = wrong_responses(history);
  RC_PRE(!choices.empty());
  const Wrong& wrong = choices[seed() % choices.size()];
  history.operations[wrong.read].value = wrong.value;
  const report::InvariantResult result = check_clients(history, ValueTable::kNil, {});
  RC_ASSERT(result.verdict == report::Verdict::kFail);
  RC_ASSERT(result.violations_total == 1u);
  RC_ASSERT(!result.violations.front().operations.empty());
}

RC_GTEST_PROP(OrdersOfCommits, ThatWereSeenPass, ()) {
  StoryShape shape = large_shape();
  shape.commits = true;
  const ClientHistory history = ClientStory(shape, seed()).take();
  RC_ASSERT(verdict_on(history) != report::Verdict::kFail);
}

RC_GTEST_PROP(OrdersOfCommits, DoNotExplainOneWrongResponse, ()) {
  StoryShape shape = large_shape();
  shape.values = 0;
  shape.commits = true;
  ClientHistory history = ClientStory(shape, seed()).take();
  const std::vector<Wrong> choices = wrong_responses(history);
  RC_PRE(!choices.empty());
  const Wrong& wrong = choices[seed() % choices.size()];
  history.operations[wrong.read].value = wrong.value;
  RC_ASSERT(verdict_on(history) == report::Verdict::kFail);
}

RC_GTEST_PROP(OrdersOfCommits, AgainstRealTimeAreFound, ()) {
  StoryShape shape = large_shape();
  shape.commits = true;
  ClientHistory history = ClientStory(shape, seed()).take();
  std::vector<ClientOperation*> placed;
  for (ClientOperation& op : history.operations) {
    if (op.committed && op.outcome == OpOutcome::kOk) placed.push_back(&op);
  }
  RC_PRE(placed.size() >= 2u);
  ClientOperation& a = *placed[seed() % placed.size()];
  ClientOperation& b = *placed[seed() % placed.size()];
  RC_PRE(a.key == b.key && *a.completed < b.invoked);
  std::swap(a.committed, b.committed);
  RC_ASSERT(verdict_on(history) == report::Verdict::kFail);
}

/// Agents that are spawned and listed, by the rule of whole reads and by the model of a registry.
struct SmallSet {
  std::vector<Timed<RegistryCall>> calls;
  std::vector<Span> additions;
  std::vector<WholeRead> reads;
};
SmallSet small_set(std::mt19937_64& random) {
  SmallSet set;
  const std::uint32_t agents = 1 + random() % 4;
  const auto span = [&](bool open) {
    const auto begin = static_cast<Moment>(random() % 12);
    return Span{begin, open ? kNever : begin + 1 + static_cast<Moment>(random() % 6)};
  };
  for (std::uint32_t agent = 0; agent < agents; ++agent) {
    set.additions.push_back(span(random() % 5 == 0));
    set.calls.push_back(
        {set.additions.back(), {.kind = RegistryCall::Kind::kSpawn, .agent = agent}});
  }
  for (std::uint64_t reads = random() % 4; reads > 0; --reads) {
    WholeRead& read = set.reads.emplace_back(WholeRead{span(false), {}});
    for (std::uint32_t agent = 0; agent < agents; ++agent) {
      const bool early = set.additions[agent].completed < read.span.invoked;
      if (early ? random() % 8 != 0 : random() % 3 == 0) read.elements.push_back(agent);
    }
    set.calls.push_back({read.span, {RegistryCall::Kind::kList, 0, read.elements}});
  }
  std::ranges::stable_sort(set.calls, {}, [](const auto& call) { return call.span.invoked; });
  return set;
}

RC_GTEST_PROP(WholeReads, AreJudgedAsByEveryOrder, ()) {
  std::mt19937_64 random(seed());
  for (int i = 0; i < 40; ++i) {
    const SmallSet set = small_set(random);
    const RegistryModel model(set.additions.size());
    const bool legal = some_order_explains(model, set.calls);
    RC_ASSERT(rule_whole_reads(set.additions, set.reads).has_value() != legal);
    const std::span<const Timed<RegistryCall>> calls(set.calls);
    RC_ASSERT((search(model, calls, {}).verdict == Verdict::kOk) == legal);
  }
}

/// What is called illegal by itself is so, and each of its operations is needed.
template <class O>
void expect_least(const ClientHistory& history, const O& object) {
  const auto calls = calls_of(history, object);
  const std::span<const Timed<typename O::Call>> all(calls);
  Decision decision = decide(object, all, {});
  if (decision.verdict != Verdict::kIllegal) return;
  Explainer<O> explainer(object, all, decision, {});
  const auto explanation = explainer.explain();
  RC_ASSERT(explanation.has_value());
  const auto weakened = [&](std::optional<std::uint32_t> without) {
    auto weak = calls;
    for (std::uint32_t i = 0; i < weak.size(); ++i) {
      const bool kept = std::ranges::find(explanation->window, i) != explanation->window.end();
      if (!kept || i == without) weak[i].span.completed = kNever;
    }
    std::erase_if(weak,
                  [](const auto& call) { return call.span.is_open() && !call.call.writes(); });
    return some_order_explains(object.plain(all), weak);
  };
  RC_ASSERT(!weakened(std::nullopt));
  for (const std::uint32_t i : explanation->window) RC_ASSERT(weakened(i));
}

RC_GTEST_PROP(SmallRegisters, AreExplainedByTheLeastThatIsIllegal, ()) {
  for_small_histories(false, [](const ClientHistory& history) {
    expect_least(history, RegisterObject(history.values, ValueTable::kNil));
  });
}

RC_GTEST_PROP(SmallStores, AreExplainedByTheLeastThatIsIllegal, ()) {
  for_small_histories(
      true, [](const ClientHistory& history) { expect_least(history, KvObject(history.values)); });
}

/// What is said to be legal is, and nothing else.
template <class O>
void expect_legal_answers(const ClientHistory& history, const O& object) {
  const auto calls = calls_of(history, object);
  const std::span<const Timed<typename O::Call>> all(calls);
  Decision decision = decide(object, all, {});
  if (decision.verdict != Verdict::kIllegal) return;
  const auto explanation = Explainer<O>(object, all, decision, {}).explain();
  RC_ASSERT(explanation.has_value());
  if (calls[explanation->blocked].call.writes()) return;
  RC_ASSERT(explanation->legal_complete || explanation->legal.size() == 8u);
  const Moment end = calls[explanation->blocked].span.completed;
  for (const ClientOperation& op : history.operations) {
    auto other = calls;
    std::erase_if(other, [&](const auto& call) { return call.span.invoked > end; });
    for (auto& call : other) {
      if (call.span.completed > end) call.span.completed = kNever;
    }
    ClientOperation asked = op;
    asked.function = history.operations.front().function >= ClientFunction::kGet
                         ? ClientFunction::kGet
                         : ClientFunction::kRead;
    other[explanation->blocked].call = object.call(asked);
    const bool legal = some_order_explains(object.plain(all), other);
    const std::string said = asked.function == ClientFunction::kGet
                                 ? "\"" + std::string(history.values.text(op.value)) + "\""
                                 : history.values.json(op.value);
    const bool listed = std::ranges::find(explanation->legal, said) != explanation->legal.end();
    RC_ASSERT(!listed || legal);
    RC_ASSERT(listed || !legal || !explanation->legal_complete);
  }
}

RC_GTEST_PROP(SmallRegisters, AreToldWhatWouldHaveBeenLegal, ()) {
  for_small_histories(false, [](const ClientHistory& history) {
    expect_legal_answers(history, RegisterObject(history.values, ValueTable::kNil));
  });
}

RC_GTEST_PROP(SmallStores, AreToldWhatWouldHaveBeenLegal, ()) {
  for_small_histories(true, [](const ClientHistory& history) {
    expect_legal_answers(history, KvObject(history.values));
  });
}

}  // namespace
}  // namespace stress::linear
