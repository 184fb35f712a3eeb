#include "harness/supervise/blind_spots.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <fmt/format.h>

namespace stress {
namespace {

/// x32 calls bear the architecture of ordinary ones, and this bit in their number.
constexpr int kX32Bit = 0x40000000;

/// The link of a descriptor has the write permission where the file was opened for writing. Such a
/// mapping may be written to later even where it is read-only now.
bool open_for_writing(const Task& task, int fd) {
  struct stat link{};
  return fstatat(task.proc.get(), fmt::format("fd/{}", fd).c_str(), &link, AT_SYMLINK_NOFOLLOW) ==
             0 &&
         (link.st_mode & S_IWUSR) != 0;
}

}  // namespace

std::optional<BlindSpot::Kind> blind_spot_kind(const seccomp_data& call) {
  if (call.arch != AUDIT_ARCH_X86_64 || (call.nr & kX32Bit) != 0) {
    return BlindSpot::Kind::kForeignCall;
  }
  if (call.nr == SYS_io_uring_setup) return BlindSpot::Kind::kUring;
  if (call.nr == SYS_mmap) return BlindSpot::Kind::kSharedMapping;
  return std::nullopt;
}

std::optional<BlindSpot> look_at_blind_spot(BlindSpot::Kind kind, const seccomp_notif& notification,
                                            Tasks& tasks) {
  const Task* task = tasks.find(static_cast<pid_t>(notification.pid));
  if (task == nullptr) return std::nullopt;
  if (kind == BlindSpot::Kind::kSharedMapping) {
    const int fd = static_cast<int>(notification.data.args[4]);
    if (!open_for_writing(*task, fd)) return std::nullopt;
    return BlindSpot{kind, Tasks::link(*task, fmt::format("fd/{}", fd))};
  }
  std::string program = Tasks::text(*task, "comm");
  if (program.empty()) return std::nullopt;
  program.pop_back();  // the line's end
  return BlindSpot{kind, std::move(program)};
}

void BlindSpots::add(BlindSpot spot) {
  constexpr std::size_t kMost = 1000;
  const std::lock_guard lock(mutex_);
  if (found_.size() < kMost) found_.insert(std::move(spot));
}

std::vector<BlindSpot> BlindSpots::found() const {
  const std::lock_guard lock(mutex_);
  return {found_.begin(), found_.end()};
}

}  // namespace stress
