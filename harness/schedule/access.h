#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "harness/supervise/lock_probe.h"
#include "harness/supervise/op.h"

namespace stress {

/// What an event does to something that several tasks can get at.
enum class Touch {
  kLooks,    ///< changes nothing
  kAdds,     ///< changes it in a way that does not depend on the order of such changes
  kChanges,  ///< anything
};

/// Two events conflict, so that their order matters, where they touch the same thing, unless both
/// only look at it, or both add to it.
struct Access {
  std::uint64_t object = 0;
  Touch touch = Touch::kLooks;
  auto operator<=>(const Access&) const = default;
};

/// The objects of one run: a name in the file system, the list of a folder's names, a file's
/// content (by inode, so under all of its names), a lock, a server's socket, signals. The numbers
/// mean something within one run only, as inodes do.
///
/// To be asked while the task is stopped at its call. Says too much rather than too little: what is
/// not known as one thing counts as all that it may be. Two exceptions: a folder whose names are
/// listed is taken to list them in an order that does not depend on that of their making, and who
/// asks for the times of a file or folder to be told them from the call that wrote it.
std::vector<Access> accesses_of(const Op& op);

/// What a death does to others, but for those who ask whether it lives: its locks, whose objects
/// these are, are released, and signals to it come too late.
std::vector<Access> accesses_of_death(const std::vector<std::uint64_t>& locks);

/// What the threads of one process have in common. Nobody sees who of them reads or writes it.
Access memory_of(pid_t pid);

/// Whether a process lives, as whoever asks is told, or as its end changes it.
Access life_of(pid_t pid, Touch touch);

/// Who of an operation has a file open that another of its processes has too (see SharedFiles):
/// locks that are taken look, who closes one adds.
Access sharers_of(std::string_view operation, Touch touch);

/// All launched programs: their beginnings look, their ends add.
Access all_programs(Touch touch);

/// The object of the lock that a call is about, or of a file's.
std::uint64_t lock_object(const Op& op);
std::uint64_t lock_object(const LockKey& file);

constexpr bool conflict(Touch one, Touch other) { return one != other || one == Touch::kChanges; }
bool conflict(const std::vector<Access>& one, const std::vector<Access>& other);

/// Whether nobody could tell from these that they have been there.
bool leave_no_trace(const std::vector<Access>& accesses);

}  // namespace stress
