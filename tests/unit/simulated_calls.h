#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/schedule/access.h"
#include "tests/unit/schedule_program.h"

/// What a call of a small program is, whoever makes it and whenever; what is remembered of a task.
namespace stress::testing {

/// How far a task has come.
struct SimTaskState {
  bool born = false;
  bool begun = false;
  bool dead = false;
  std::size_t at = 0;
  std::uint32_t ended_before = 0;  ///< a bit for each program that had, when it began
  std::uint64_t known = 0;
  std::string last_key;
};

inline std::string key_of(const SimCall& call) {
  static constexpr const char* kVerbs[] = {"read",  "write", "lock", "try", "unlock", "write",
                                           "sleep", "read",  "add",  "ask", "read"};
  return kVerbs[static_cast<int>(call.kind)] + std::string(1, static_cast<char>('0' + call.object));
}

inline std::uint64_t lock_object(int lock) { return 100 + static_cast<std::uint64_t>(lock); }

/// The lock that it is about; 0: none.
inline std::uint64_t lock_of(const SimCall& call) {
  const bool any = call.kind == SimCall::Kind::kLock || call.kind == SimCall::Kind::kTry ||
                   call.kind == SimCall::Kind::kUnlock;
  return any ? lock_object(call.object) : 0;
}

/// `life`: the object of the life that it would ask about; `sharers`: of the task's operation.
inline std::vector<Access> accesses_of(const SimCall& call, std::uint64_t life,
                                       const Access& sharers) {
  const auto object = static_cast<std::uint64_t>(call.object);
  switch (call.kind) {
    case SimCall::Kind::kAsk:
      return {{life, Touch::kLooks}};
    case SimCall::Kind::kRead:
    case SimCall::Kind::kLookAndClose:
    case SimCall::Kind::kAwait:
      return {{object, Touch::kLooks}};
    case SimCall::Kind::kWrite:
    case SimCall::Kind::kClose:
      return {{object, Touch::kChanges}};
    case SimCall::Kind::kAdd:
      return {{object, Touch::kAdds}};
    case SimCall::Kind::kSleep:
      return {};
    case SimCall::Kind::kUnlock:
      return {{lock_object(call.object), Touch::kChanges}};
    default:
      return {{lock_object(call.object), Touch::kChanges}, sharers};
  }
}

}  // namespace stress::testing
