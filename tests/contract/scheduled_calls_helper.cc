// Makes the system calls that only a scheduler stops, in the current folder, for its tests. Static,
// so that no loader's calls are among them.
//   scheduled_calls_helper reads|looks|sleeps|random|forks     what "random" got goes to its output
#include <dirent.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string_view>
#include <thread>

namespace {

int reads() {
  char a[32];
  char b[32];
  const iovec pieces[] = {{a, 3}, {b, 4}};
  const int fd = open("data", O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
  syscall(SYS_read, STDIN_FILENO, a, 1);
  syscall(SYS_read, fd, a, 10);
  syscall(SYS_pread64, fd, a, 20, 0);
  syscall(SYS_readv, fd, pieces, 2);
  syscall(SYS_preadv, fd, pieces, 1, 0, 0);
  syscall(SYS_preadv2, fd, pieces, 2, 0, 0, 0);
  return fd < 0 ? 1 : 0;
}

int looks() {
  struct stat about{};
  struct statx more{};
  char text[4096];
  if (mkdir("real", 0700) != 0 || symlink("real", "link") != 0) return 1;
  if (creat("real/file", 0600) < 0 || symlink("file", "real/s") != 0) return 1;
  const int folder = open("real", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  syscall(SYS_stat, "link/s", &about);
  syscall(SYS_lstat, "link/s", &about);
  syscall(SYS_newfstatat, folder, "s", &about, 0);
  syscall(SYS_newfstatat, folder, "s", &about, AT_SYMLINK_NOFOLLOW);
  syscall(SYS_newfstatat, folder, "", &about, AT_EMPTY_PATH);
  syscall(SYS_statx, AT_FDCWD, "link/../real/file", 0, STATX_SIZE, &more);
  syscall(SYS_access, "link/none", R_OK);
  syscall(SYS_faccessat, folder, "file", R_OK);
  syscall(SYS_faccessat2, folder, "s", R_OK, AT_SYMLINK_NOFOLLOW);
  syscall(SYS_readlink, "link", text, sizeof text);
  syscall(SYS_readlinkat, folder, "s", text, sizeof text);
  syscall(SYS_getdents64, folder, text, sizeof text);
  syscall(SYS_fstat, folder, &about);
  return 0;
}

/// An hour by each way, which only ends in time where somebody answers in the clock's place.
int sleeps() {
  constexpr int kHour = 3600;
  timespec length{kHour, 5};
  timeval rough{kHour, 6};
  timespec until{};
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += kHour;
  pollfd none{};
  if (syscall(SYS_nanosleep, &length, nullptr) != 0) return 1;
  if (syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &length, nullptr) != 0) return 2;
  if (syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) != 0) return 3;
  if (syscall(SYS_poll, &none, 0, kHour * 1000) != 0) return 4;
  if (syscall(SYS_ppoll, nullptr, 0, &length, nullptr, 0) != 0) return 5;
  if (syscall(SYS_select, 0, nullptr, nullptr, nullptr, &rough) != 0) return 6;
  if (syscall(SYS_pselect6, 0, nullptr, nullptr, nullptr, &length, nullptr) != 0) return 7;
  if (syscall(SYS_poll, nullptr, 0, -1) != 0) return 8;
  if (syscall(SYS_nanosleep, 1, nullptr) != 0) return 9;  // no memory is there
  none.fd = -1;
  return syscall(SYS_poll, &none, 1, 0) == 0 ? 0 : 10;  // one descriptor: not a sleep
}

int random_bytes() {
  char bytes[64];
  const int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
  if (syscall(SYS_getrandom, bytes, 16, 0) != 16) return 1;
  if (read(fd, bytes + 16, 48) != 48) return 2;
  return write(STDOUT_FILENO, bytes, sizeof bytes) == sizeof bytes ? 0 : 3;
}

int forks() {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  if (syscall(SYS_fork) == 0) _exit(0);
  if (vfork() == 0) _exit(0);  // NOLINT(bugprone-unsafe-functions): it is what is tested
  if (syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr) == 0) _exit(0);
  if (syscall(SYS_clone3, &arguments, sizeof arguments) == 0) _exit(0);
  std::thread([] {}).join();
  int reaped = 0;
  while (wait(nullptr) > 0) ++reaped;
  return reaped == 4 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc == 2 ? argv[1] : "";
  if (what == "reads") return reads();
  if (what == "looks") return looks();
  if (what == "sleeps") return sleeps();
  if (what == "random") return random_bytes();
  if (what == "forks") return forks();
  std::fprintf(stderr, "usage: scheduled_calls_helper reads|looks|sleeps|random|forks\n");
  return 254;
}
