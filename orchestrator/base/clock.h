#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "orchestrator/base/error.h"

namespace base {

/// Wall clock, for people and records. Never used to measure or to order.
using WallTime = std::chrono::sys_time<std::chrono::microseconds>;

WallTime wall_now();

/// ISO 8601 in UTC with its zone: "2026-11-22T20:44:45.123456Z". Sorts as text.
/// A time outside the years 0 to 9999 becomes the first or the last moment of these.
std::string to_iso8601(WallTime time);

/// Accepts what to_iso8601 writes, fewer fraction digits, and "+hh:mm" zones. Errors: kInvalid,
/// also where the moment in UTC lies outside the years 0 to 9999.
Result<WallTime> from_iso8601(std::string_view text);

/// "20261122T204445", for names and ids.
std::string to_compact(WallTime time);

/// CLOCK_MONOTONIC in nanoseconds: one clock for all processes of a machine.
std::int64_t monotonic_ns();

}  // namespace base
