#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/history/evidence.h"
#include "orchestrator/base/error.h"

namespace stress {

/// One read of a registry from outside: independent of any target's own code.
struct Observation {
  bool readable = false;
  bool absent = false;
  bool not_looked = false;  ///< the reader had no descriptor or memory left: nothing is known
  std::string error;        ///< why it is not readable
  std::string excerpt;      ///< unreadable JSON: the bytes around the place, in ASCII
  std::optional<std::uint64_t> generation;
  std::vector<ObservedAgent> agents;  ///< in the file's order, duplicates included
  std::vector<std::string> duplicate_ids;
  StoredCounts counts;
  std::map<std::string, StoredCounts> counts_by_task;
  std::string bytes;  ///< as read, for reports
};

/// Where the fields of a registry are, as JSON pointers: those of `agents`, `tasks`, `generation`,
/// `checksum` and the counts within the document, all others within one record. Empty: there is no
/// such field. Only agents, their ids and their statuses are required; other fields may be missing
/// or null in a record, but one that is there must have a fitting type.
struct ObservationMap {
  std::filesystem::path file;      ///< empty where the registry is no single JSON file
  std::string agents = "/agents";  ///< an array, or an object by id; empty: the whole document
  std::string tasks = "/tasks";    ///< for counts by task: an object by id
  std::string id = "/id";          ///< in an object by id it must agree with the key
  std::string status = "/status";
  std::string type = "/type";
  std::string task = "/task_id";
  std::string parent = "/parent";
  std::string depth = "/depth";
  std::string session = "/session/name";
  std::string version = "/version";
  std::string pid = "/session/process/pid";
  std::string created = "/created_at";
  std::string generation = "/generation";
  std::map<std::string, std::string> fields;  ///< register name -> pointer
  std::string count_total;
  std::string count_active;
  std::string count_completed;
  std::string task_count_total;  ///< within a task
  std::string task_count_active;
  std::string task_count_completed;
  /// Member that holds XXH3-64 (16 hex digits) over the compact dump of the document without it.
  std::string checksum;
};

/// What is known where a file could not be read for this reason: it is absent, or unreadable, or
/// the reader itself had no descriptor or memory left.
Observation unread(const base::Error& error);

/// Errors: kInvalid, naming the field whose text is no JSON pointer.
base::Status check_pointers(const ObservationMap& map);

/// Reads a registry as its map says. Thread-safe; throws nothing.
class Observer {
 public:
  explicit Observer(ObservationMap map) : map_(std::move(map)) {}
  virtual ~Observer() = default;
  Observer(const Observer&) = default;
  Observer(Observer&&) = default;
  Observer& operator=(const Observer&) = default;
  Observer& operator=(Observer&&) = default;

  /// Reads once: the map's file by one open, or another source (observation_sources.h). A file
  /// whose JSON, required fields or checksum do not hold is unreadable, with the reason; one that
  /// is not there is absent. Duplicate ids leave it readable.
  [[nodiscard]] virtual Observation observe() const;
  /// Whether observe() waits for a lock of the target's.
  [[nodiscard]] virtual bool takes_lock() const { return false; }
  /// The same from bytes. Those that it was asked about last are not read again.
  [[nodiscard]] Observation interpret(std::string bytes) const;
  [[nodiscard]] const ObservationMap& map() const { return map_; }

 private:
  struct Last {
    std::mutex mutex;
    std::optional<Observation> seen;
  };
  ObservationMap map_;
  std::shared_ptr<Last> last_ = std::make_shared<Last>();  ///< of all copies: they have one map
};

}  // namespace stress
