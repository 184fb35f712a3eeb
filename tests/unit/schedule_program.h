#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

/// Small programs that run in memory.
namespace stress::testing {

struct SimCall {
  enum class Kind {
    kRead,    ///< what the task knows follows from all it has read
    kWrite,   ///< of what it knows
    kLock,    ///< waits for whoever holds it
    kTry,     ///< takes it if it is free, and knows whether it did
    kUnlock,  ///< no effect where it is another's
    kClose,   ///< a write of the object by which the lock of its name is released, unseen
    kSleep,
    kAwait,         ///< read again and again until something was written
    kAdd,           ///< to the object; in which order makes no difference
    kAsk,           ///< whether A (0) or B (1) lives
    kLookAndClose,  ///< a read by which the lock of its name is released, unseen
  };
  Kind kind = Kind::kRead;
  int object = 0;
};

struct SimTask {
  std::string label;
  std::string operation;  ///< the label of its main task, which makes the others as it begins
  std::vector<SimCall> calls;
};
/// By label, as in a TaskTable.
using SimProgram = std::vector<SimTask>;

inline std::size_t index_of(const SimProgram& program, const std::string& label) {
  return static_cast<std::size_t>(std::ranges::find(program, label, &SimTask::label) -
                                  program.begin());
}

}  // namespace stress::testing
