#pragma once

#include <linux/seccomp.h>

#include <optional>

#include "harness/supervise/op.h"
#include "harness/supervise/tasks.h"

namespace stress {

/// Turns a notification into an Op. nullopt: the task is gone. The caller must check the
/// notification's validity after this, before it believes a word of it.
std::optional<Op> decode(const seccomp_notif& notification, Tasks& tasks, std::uint32_t root,
                         pid_t root_pid);

/// A first look, cheaper than decode(): who calls what, with its arguments, its descriptor and its
/// first path; that path made absolute, but with no symbolic link resolved, so that it serves to
/// dismiss what lies in places of no interest. What lies behind other arguments is not read, and an
/// unlock is still a lock. nullopt and validity: as with decode().
std::optional<Op> glance(const seccomp_notif& notification, Tasks& tasks);

/// How much of a program's arguments is looked at.
inline constexpr std::size_t kArgvBytesMax = 4096;

/// Fills in Op::argv of an exec; with what can be read of it, where that is not all. As after
/// decode(), the notification's validity is to be checked before it is believed.
void read_argv(Op& op);

/// Whether an open with these flags makes, empties or may write to its file.
bool opens_for_writing(int flags);

/// Whether a write-like call says itself where in the file it begins.
bool is_positioned(const Op& op);

/// Whether the bytes of a write-like call lie in its caller's memory (those of sendfile do not)
/// and another call can write them in the same way.
bool has_bytes_in_memory(const Op& op);

/// The bytes that a write-like call was about to write, at most `bytes_max`; none where they do not
/// lie in memory.
std::string gather(const Op& op, std::size_t bytes_max);

/// Where in its file a write-like call begins; nullopt where that has no meaning (pipes, sockets).
std::optional<std::uint64_t> file_offset(const Op& op);

}  // namespace stress
