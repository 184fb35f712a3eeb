#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>

#include "orchestrator/base/error.h"
#include "orchestrator/base/unique_fd.h"

namespace base {

/// Exclusive flock on a lock file that is never deleted, held for the life of the object. The
/// kernel frees it when the holder dies, so no code ever has to judge a lock stale.
/// The file's descriptor is O_CLOEXEC: a tmux server that inherited it would keep the lock.
/// After the lock is taken the descriptor's inode is compared with the path's; where they differ
/// (somebody deleted the file) it is taken anew, so that two holders are impossible.
/// Turns: flock(2) favours whoever asks at the moment of release, which is nearly always the last
/// holder. So the lock's folder is flocked first, as a turnstile: the next holder stands in it, and
/// a returning one queues up behind. It is left some time after the lock was taken (call_next):
/// left at once, it would be open just when the last holder comes round again, and who overtakes
/// the others there wakes them all. It is a courtesy with a time limit: a process that was stopped
/// in the turnstile cannot keep the others out.
/// Thread-safety: may be moved between threads; not for concurrent use. Two threads of one process
/// exclude each other (each acquire opens its own description).
class [[nodiscard]] FileLock {
 public:
  /// Waits at most `timeout` (steady clock), asleep in flock(2): a timer of the calling thread
  /// interrupts it. Creates the file (mode 0600) where missing. Errors: kTimeout, kIo, kNotFound
  /// (no such folder).
  static Result<FileLock> acquire(const std::filesystem::path& lock_path,
                                  std::chrono::milliseconds timeout);
  /// The same without creating the file. Errors: also kNotFound (no such file).
  static Result<FileLock> acquire_existing(const std::filesystem::path& lock_path,
                                           std::chrono::milliseconds timeout);

  /// Shared with other readers, for who only looks: no turnstile, no new file. Errors: those of
  /// acquire_existing.
  static Result<FileLock> acquire_shared(const std::filesystem::path& lock_path,
                                         std::chrono::milliseconds timeout);

  FileLock(FileLock&&) = default;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

  /// Lets the next in line step up to the lock, to wait there. Best shortly before this holder
  /// falls asleep itself. Needs not be called: release does it too.
  void call_next();

  /// Unlocks now (LOCK_UN first: a sibling thread's fork may still hold the description open).
  void release();

  /// Whether the path still names the file that is locked. Where somebody deleted it, others may
  /// hold a lock of their own by now: ask before publishing what the lock protects.
  [[nodiscard]] bool is_current() const;

 private:
  explicit FileLock(std::filesystem::path path) : path_(std::move(path)) {}
  static Result<FileLock> acquire_by(int open_flags, int operation,
                                     const std::filesystem::path& lock_path,
                                     std::chrono::milliseconds timeout);
  UniqueFd turnstile_;
  UniqueFd fd_;
  std::filesystem::path path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace base
