#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "harness/history/client_history.h"

namespace tests {

/// What a random history is made of.
struct StoryShape {
  bool store = false;  ///< of texts (get, put, append); else registers (read, write, cas)
  std::uint64_t operations = 100;
  std::uint64_t clients = 5;
  std::uint64_t keys = 1;
  std::uint64_t values = 0;  ///< how many different ones are written; 0: each its own
  double writes = 0.5;
  double unknown = 0.05;                 ///< of unknown outcome
  std::uint64_t texts_length_max = 200;  ///< a put where a text would become longer
  bool commits = false;                  ///< the order of effects is known
};

/// A run of a correct object, with clients that overlap: each operation takes effect at one moment
/// between its invocation and its reply, or its client dies before or after that and goes on as
/// another process. Every event has a place of its own, and each effect its place in the order of
/// commits.
class ClientStory {
 public:
  ClientStory(const StoryShape& shape, std::uint64_t seed) : shape_(shape), random_(seed) {
    clients_.resize(shape.clients);
    for (std::uint64_t i = 0; i < shape.clients; ++i) {
      clients_[i].process = static_cast<std::int64_t>(i);
    }
    history_.operations.reserve(shape.operations);
    while (in_flight_ > 0 || history_.operations.size() < shape.operations) step();
  }

  stress::ClientHistory take() { return std::move(history_); }

 private:
  enum class Stage { kIdle, kInvoked, kEffective };
  struct Client {
    std::int64_t process = 0;
    Stage stage = Stage::kIdle;
    std::size_t operation = 0;
  };
  using Function = stress::ClientFunction;
  using Id = stress::ValueTable::Id;

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool chance(double probability) {
    return static_cast<double>(random_() >> 11) * 0x1p-53 < probability;
  }

  void step() {
    Client& client = clients_[below(clients_.size())];
    if (client.stage == Stage::kIdle) {
      if (history_.operations.size() < shape_.operations) invoke(client);
    } else if (chance(shape_.unknown / 2)) {
      --in_flight_;
      client.stage = Stage::kIdle;
      client.process += static_cast<std::int64_t>(shape_.clients);
    } else if (client.stage == Stage::kInvoked) {
      take_effect(history_.operations[client.operation]);
      client.stage = Stage::kEffective;
    } else {
      --in_flight_;
      client.stage = Stage::kIdle;
      history_.operations[client.operation].completed = ++place_;
      if (history_.operations[client.operation].outcome == stress::OpOutcome::kInfo) {
        history_.operations[client.operation].outcome = stress::OpOutcome::kOk;
      }
    }
  }

  void invoke(Client& client) {
    stress::ClientOperation op;
    op.process = client.process;
    op.key = history_.values.intern_text(fmt::format("k{}", below(shape_.keys)));
    const bool write = chance(shape_.writes);
    if (shape_.store) {
      op.function = write ? Function::kAppend : Function::kGet;
      if (write && (chance(0.05) || text_of(op.key).size() > shape_.texts_length_max)) {
        op.function = Function::kPut;
      }
    } else {
      op.function = write ? Function::kWrite : Function::kRead;
      if (write && chance(0.3)) op.function = Function::kCas;
      // A guess that is right if nobody comes in between.
      if (op.function == Function::kCas) op.expected = registers_[op.key];
    }
    if (write) op.value = fresh();
    op.invoked = ++place_;
    client.operation = history_.operations.size();
    client.stage = Stage::kInvoked;
    ++in_flight_;
    history_.operations.push_back(op);
  }

  Id fresh() {
    const std::uint64_t number = shape_.values == 0 ? ++written_ : below(shape_.values);
    // Ends by a comma, so that no text begins with another one.
    return history_.values.intern_text(fmt::format("{},", number));
  }

  std::string& text_of(Id key) { return texts_[key]; }

  void take_effect(stress::ClientOperation& op) {
    Id& value = registers_[op.key];
    switch (op.function) {
      case Function::kRead:
        op.value = value;
        return;
      case Function::kWrite:
        value = op.value;
        break;
      case Function::kCas:
        if (value != op.expected) {
          op.outcome = stress::OpOutcome::kRefused;
          return;
        }
        value = op.value;
        break;
      case Function::kGet:
        op.value = text_of(op.key).empty() ? stress::ValueTable::kNil
                                           : history_.values.intern_text(text_of(op.key));
        return;
      case Function::kPut:
        text_of(op.key) = history_.values.text(op.value);
        break;
      case Function::kAppend:
        text_of(op.key) += history_.values.text(op.value);
        break;
    }
    if (shape_.commits) op.committed = ++commits_;
  }

  StoryShape shape_;
  std::mt19937_64 random_;
  std::vector<Client> clients_;
  std::uint64_t in_flight_ = 0;
  std::uint64_t place_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t commits_ = 0;
  std::map<Id, Id> registers_;
  std::map<Id, std::string> texts_;
  stress::ClientHistory history_;
};

}  // namespace tests
