#pragma once

#include <cstdint>
#include <string>

#include "harness/supervise/op.h"

namespace stress {

/// Calls that the supervisor makes in the place of a stopped task, on a descriptor of the task's
/// own, so that the effect falls on the same open file description.

/// Writes `content` as the write-like call would have begun to. False: not, or not all of it.
bool write_for(const Op& op, const std::string& content);

/// Makes the whole call, for a task that will not live to see it return. False: it cannot be made
/// for another (or might block): let it run.
bool perform(const Op& op);

/// Unlinks the regular file that a call names or has a descriptor of. False: its name means another
/// file by now, or none; or it may not be unlinked.
bool unlink_file_of(const Op& op);

/// At most so many bytes are filled in at once; a longer request is then answered short.
inline constexpr std::uint64_t kRandomBytesMax = 1u << 20;

/// Fills the buffer of a getrandom, or of a read of /dev/random or /dev/urandom, with bytes that
/// follow from `seed`: the shorter of two requests gets the beginning of the longer one. To be
/// answered with the lesser of op.bytes and kRandomBytesMax. False: it is no such call, or not all
/// of its buffer can be written to.
bool fill_random(const Op& op, std::uint64_t seed);

}  // namespace stress
