#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/fault/operation_calls.h"
#include "harness/supervise/op.h"
#include "harness/supervise/policy.h"

namespace stress {

/// One call as it was recorded, with what cannot be asked of it later.
struct RecordedCall {
  OperationCall call;
  Op op;
  std::optional<std::uint64_t> offset;  ///< write to a file: where it began
  bool followers = false;               ///< the victim had living descendants that are no daemons
};
using CallTrace = std::vector<RecordedCall>;

/// What befalls the operation at a point.
enum class Blow {
  kBefore,  ///< killed before the call
  kMid,     ///< killed within a write, at a page boundary of the file: what a real kill leaves
  kShort,   ///< a write that takes less than it was given, then killed before the next call
  kAfter,   ///< killed after the call, where that is not the same as before the next one
  kError,   ///< the call fails
};

/// Where within a write. Relative, as a repetition may write some bytes more or less.
enum class Cut { kFirstPage, kMiddlePage, kLastPage, kHalf, kAllButOne };

struct CrashPoint {
  int number = 0;  ///< from 1; the same for the same trace
  CallIdentity at;
  Blow blow = Blow::kBefore;
  Scope scope = Scope::kProcess;
  Cut cut = Cut::kHalf;
  int error_number = 0;
  bool sticky = false;  ///< kError: all later calls of its kind fail too
  std::string words;    ///< "before rename registry.json.tmp-* -> registry.json"
};

/// All points of a trace, in its order. A crash after a call is left out where the next recorded
/// call is the same task's: then it is the crash before that one, for whatever a task can do
/// between two watched calls dies with it (locks, memory) or is watched too (files, programs,
/// sockets, signals). Where others' calls come in between, both stay. `errors`: failing calls too.
std::vector<CrashPoint> plan_points(const CallTrace& trace, bool errors);

/// In which order to run `count` points, by their index: each further one lies in a gap that those
/// before it have left, so that a walk which runs out of time has been all over the operation.
std::vector<std::size_t> spread_order(std::size_t count);

/// How many bytes of a write of `bytes` at `offset` that is; nullopt: it has no such place.
std::optional<std::uint64_t> cut_bytes(Cut cut, std::uint64_t offset, std::uint64_t bytes);

/// "with descendants" or "process only"; "-" for an error.
std::string variant_of(const CrashPoint& point);

}  // namespace stress
