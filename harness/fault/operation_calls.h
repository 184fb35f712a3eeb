#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/fault/call_names.h"
#include "harness/fault/crash_point.h"
#include "harness/fault/storm_policy.h"
#include "harness/supervise/policy.h"

namespace stress {

/// One call of an operation, by what it does to what, and the how-manieth such call it is. That is
/// how it is found again in a repetition: raw positions shift as soon as one call more is made.
struct CallIdentity {
  std::string key;
  int occurrence = 1;
  auto operator<=>(const CallIdentity&) const = default;
};

struct OperationCall {
  CallIdentity id;
  std::string words;  ///< "rename registry.json.tmp-* -> registry.json (2)", unlike all others
  bool by_victim = true;
};

/// Picks the calls that matter out of one run of one operation: mutating and locking calls on files
/// below the watched folders, execs, sockets, signals, writes to whoever waits for the operation,
/// exits of programs. What a daemon does is its own, from its first exec on; until then its
/// maker's.
/// One object a run; not thread-safe (a policy is called by one thread).
class OperationCalls {
 public:
  /// `victim`: whose operation it is; kCommand leaves out what the worker does itself.
  OperationCalls(ThreadMap& threads, const PointClassifier& classifier, Victim victim)
      : threads_(threads), classifier_(classifier), victim_(victim), names_(classifier.watched) {}

  /// To be told every call; nullopt: not one of the operation's, or none that matters.
  std::optional<OperationCall> see(const Op& op);

 private:
  bool is_of_operation(const Op& op);
  [[nodiscard]] bool matters(const Op& op) const;

  ThreadMap& threads_;
  const PointClassifier& classifier_;
  Victim victim_;
  CallNames names_;
  bool invoked_ = false;             ///< the invocation, a write to the history, has been seen
  std::set<pid_t> have_exec_ed_;     ///< processes in sessions of their own
  std::map<std::string, int> seen_;  ///< by key
  std::map<std::string, int> seen_words_;  ///< two keys may have the same words
};

}  // namespace stress
