#pragma once

#include <linux/seccomp.h>
#include <sys/ioctl.h>

#include <cstdint>

#include "harness/supervise/op.h"

namespace stress {

/// A task that waits for our answer. Each answer is false where the task is gone.
struct Stopped {
  seccomp_notif notification{};
  Op op;
  int listener = -1;  ///< of its launch, which must outlive this

  [[nodiscard]] bool still_there() const {
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &notification.id) == 0;
  }
  [[nodiscard]] bool respond(int error_number, std::uint32_t flags) const {
    seccomp_notif_resp response{notification.id, 0, error_number == 0 ? 0 : -error_number, flags};
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) == 0;
  }
  /// The call returns `value`, and is not made.
  [[nodiscard]] bool return_value(std::uint64_t value) const {
    seccomp_notif_resp response{notification.id, static_cast<std::int64_t>(value), 0, 0};
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) == 0;
  }
  [[nodiscard]] bool let_run() const { return respond(0, SECCOMP_USER_NOTIF_FLAG_CONTINUE); }
  void go_on() const { (void)let_run(); }
};

}  // namespace stress
