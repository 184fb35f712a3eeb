#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "harness/history/evidence.h"
#include "orchestrator/base/error.h"

namespace stress {

/// Values of a history, each kept once: equal ones have equal numbers.
class ValueTable {
 public:
  using Id = std::uint32_t;
  static constexpr Id kNil = 0;

  ValueTable();
  /// Any JSON value: a string is its text, everything else what it is written as.
  Id intern(const nlohmann::ordered_json& value);
  Id intern_text(std::string text);
  /// What it says: of a string the text itself, of others their JSON; of nil nothing. The view
  /// lives as long as the table.
  [[nodiscard]] std::string_view text(Id id) const;
  /// As JSON.
  [[nodiscard]] std::string json(Id id) const;
  [[nodiscard]] std::size_t size() const { return texts_.size(); }

 private:
  struct Entry {
    std::string text;
    bool is_string;
  };
  Id add(std::string text, bool is_string);

  std::deque<Entry> texts_;
  std::unordered_map<std::string_view, Id> strings_;
  std::unordered_map<std::string_view, Id> others_;
};

/// What clients ask of a register (read, write, cas) or of a store of texts (get, put, append).
enum class ClientFunction : std::uint8_t { kRead, kWrite, kCas, kGet, kPut, kAppend };
std::string_view to_string(ClientFunction function);

/// One operation of anybody's system.
struct ClientOperation {
  std::int64_t process = 0;
  ClientFunction function = ClientFunction::kRead;
  OpOutcome outcome = OpOutcome::kInfo;  ///< kRefused: it failed and had no effect
  ValueTable::Id key = ValueTable::kNil;
  ValueTable::Id expected = ValueTable::kNil;  ///< cas: the old value
  ValueTable::Id value = ValueTable::kNil;     ///< written; read, get: what was returned
  /// Places of the two events in the file: lines of JSONL, else events. None: there is no second
  /// one.
  std::uint64_t invoked = 0;
  std::optional<std::uint64_t> completed;
  std::optional<std::uint64_t> committed;  ///< as Operation::committed
  std::optional<std::int64_t> invoked_at;  ///< as the file says
  std::optional<std::int64_t> completed_at;

  [[nodiscard]] bool observes() const {
    return function == ClientFunction::kRead || function == ClientFunction::kGet;
  }
};

struct ClientHistory {
  std::vector<ClientOperation> operations;  ///< by invocation
  ValueTable values;
  std::string place = "line";     ///< what the places count: "line" or "event"
  std::uint64_t passed_over = 0;  ///< events of others than clients, as Jepsen's nemesis
  std::vector<std::string> notes;
};

/// Puts a client history together from its events, in their order: JSON objects with `process`,
/// `type` (invoke, ok, fail, info), `f`, `value`, and optionally `key`, `time`, `committed` (with any
/// of an operation's events).
/// Without `key` a value [key, value] names its key, as in jepsen.independent. Events whose process
/// is no number are passed over. Errors: kInvalid, a sentence without its place.
class ClientHistoryBuilder {
 public:
  explicit ClientHistoryBuilder(std::string place);
  base::Status add(const nlohmann::ordered_json& event, std::uint64_t at);
  ClientHistory finish() { return std::move(history_); }

 private:
  base::Status invoke(const nlohmann::ordered_json& event, std::int64_t process, std::uint64_t at);
  base::Status complete(const nlohmann::ordered_json& event, std::string_view type,
                        std::int64_t process, std::uint64_t at);
  std::optional<std::int64_t> time_of(const nlohmann::ordered_json& event, std::uint64_t at);

  ClientHistory history_;
  std::unordered_map<std::int64_t, std::size_t> open_;  ///< by process
  std::optional<std::int64_t> latest_;
};

/// By the file's name: .edn, else JSONL. Errors: kNotFound, kIo, kInvalid with file and line.
base::Result<ClientHistory> load_client_history(const std::filesystem::path& file);
/// Likewise. Errors: kIo.
base::Status store_client_history(const ClientHistory& history, const std::filesystem::path& file);

/// Whether a file is one of run events (history.jsonl) or of clients, by its first line.
enum class HistoryKind { kRun, kClients };
base::Result<HistoryKind> kind_of_history(const std::filesystem::path& file);

/// A run's history for Jepsen's set checkers: a spawn is an `add` of its id, a list a `read` of
/// all; kills and updates keep their names. Errors: kIo.
base::Status store_as_jepsen(const Evidence& evidence, const std::filesystem::path& file);

}  // namespace stress
