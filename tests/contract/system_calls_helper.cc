// Makes system calls for the tests of the supervisor, in the current folder. Static, so that no
// loader's calls are among them. Most calls may fail: it is being made that counts.
//   system_calls_helper CALL        the exit code is the errno that the call came back with
//   system_calls_helper all         every call that changes a file or locks one, in a fixed order
//   system_calls_helper writes N    N writes of one byte at the same place, for benchmarks
//   system_calls_helper reads N     N reads of a page, which the supervisor does not watch
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string_view>

/// The leak sanitizer traces its own process at the end, which is not to be had where this one
/// runs: under another tracer, or with calls forbidden. Nothing where no sanitizer is built in.
// NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
extern "C" int __lsan_is_turned_off() { return 1; }

namespace {

constexpr int kMode = 0600;

int uring() {
  char parameters[256] = {};
  return syscall(SYS_io_uring_setup, 4, parameters) < 0 ? errno : 0;
}

int int80(long number, long first, long second, long third) {
  long result = 0;
  // NOLINTNEXTLINE(hicpp-no-assembler): there is no other way to make such a call
  asm volatile("int $0x80"
               : "=a"(result)
               : "a"(number), "b"(first), "c"(second), "d"(third)
               : "memory", "r8", "r9", "r10", "r11");
  return result < 0 ? static_cast<int>(-result) : 0;
}

int getpid32() { return int80(20, 0, 0, 0); }

int open32() {
  // Its arguments are of 32 bits.
  void* page =
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  std::strcpy(static_cast<char*>(page), "by-int80");
  return int80(5, reinterpret_cast<long>(page), O_CREAT | O_WRONLY, kMode);
}

/// Linux 6.6; of glibc's headers and strace only newer ones know it.
int fchmodat2() { return syscall(452, AT_FDCWD, ".", 0700, 0) < 0 ? errno : 0; }

/// By a folder that is a link, and a file that is one.
int by_links() {
  if (mkdir("real", 0700) != 0 || symlink("real", "link") != 0) return errno;
  const int fd = creat("link/../link/file", kMode);
  if (fd < 0 || symlink("file", "real/file-link") != 0) return errno;
  if (truncate("link/file-link", 0) != 0 || unlink("link/file-link") != 0) return errno;
  return 0;
}

int getpid_x32() { return syscall(0x40000000 + SYS_getpid) < 0 ? errno : 0; }

int map(const char* name, int open_flags, int protection, int type) {
  const int fd = open(name, open_flags | O_CREAT | O_CLOEXEC, kMode);
  if (fd < 0 || ((open_flags & O_ACCMODE) != O_RDONLY && ftruncate(fd, 4096) != 0)) return errno;
  return mmap(nullptr, 4096, protection, type, fd, 0) == MAP_FAILED ? errno : 0;
}

int map_shared() { return map("mapped", O_RDWR, PROT_READ | PROT_WRITE, MAP_SHARED); }
// mprotect may make it writable later.
int map_shared_to_read() { return map("mapped", O_RDWR, PROT_READ, MAP_SHARED); }
int map_private() { return map("mapped", O_RDWR, PROT_READ | PROT_WRITE, MAP_PRIVATE); }
int map_read_only() { return map("mapped", O_RDONLY, PROT_READ, MAP_SHARED); }

void open_each_way() {
  syscall(SYS_open, "a", O_RDWR | O_CREAT, kMode);                // 3
  syscall(SYS_openat, AT_FDCWD, "b", O_WRONLY | O_CREAT, kMode);  // 4
  syscall(SYS_creat, "c", kMode);                                 // 5
  open_how how{O_RDWR | O_CREAT, kMode, 0};
  syscall(SYS_openat2, AT_FDCWD, "d", &how, sizeof how);          // 6
  syscall(SYS_openat, AT_FDCWD, ".", O_RDONLY | O_DIRECTORY, 0);  // 7
  syscall(SYS_openat, 7, "a", O_RDONLY, 0);                       // 8
  how = {O_RDONLY, 0, 0};
  syscall(SYS_openat2, 7, "a", &how, sizeof how);  // 9
}

void write_each_way() {
  char text[] = "text";
  const iovec pieces[] = {{text, 1}, {text, 2}};
  syscall(SYS_write, 3, text, 4);
  syscall(SYS_pwrite64, 3, text, 4, 0);
  syscall(SYS_writev, 3, pieces, 2);
  syscall(SYS_pwritev, 3, pieces, 2, 4096, 0);
  syscall(SYS_pwritev2, 3, pieces, 2, 8192, 0, 0);
  syscall(SYS_sendfile, 4, 8, nullptr, 4);
  syscall(SYS_copy_file_range, 8, nullptr, 5, nullptr, 4, 0);
  int ends[2];
  if (pipe(ends) == 0 && write(ends[1], text, 2) == 2) {
    syscall(SYS_splice, ends[0], nullptr, 6, nullptr, 2, 0);
  }
}

void change_each_way() {
  syscall(SYS_fallocate, 3, 0, 0, 16384);
  syscall(SYS_ftruncate, 3, 100);
  syscall(SYS_truncate, "b", 1);
  syscall(SYS_fsync, 3);
  syscall(SYS_fdatasync, 3);
  syscall(SYS_sync_file_range, 3, 0, 0, 0);
  syscall(SYS_syncfs, 7);
  syscall(SYS_fchmod, 3, 0640);
  syscall(SYS_chmod, "b", 0640);
  syscall(SYS_fchmodat, 7, "c", 0640);
}

void name_each_way() {
  syscall(SYS_mkdir, "folder", 0700);
  syscall(SYS_mkdirat, 7, "folder/inner", 0700);
  syscall(SYS_link, "a", "a2");
  syscall(SYS_linkat, 7, "a", AT_FDCWD, "folder/a3", 0);
  syscall(SYS_symlink, "a", "s");
  syscall(SYS_symlinkat, "a", 7, "s2");
  syscall(SYS_mknod, "fifo", S_IFIFO | kMode, 0);
  syscall(SYS_mknodat, 7, "fifo2", S_IFIFO | kMode, 0);
  syscall(SYS_rename, "b", "b2");
  syscall(SYS_renameat, 7, "c", AT_FDCWD, "c2");
  syscall(SYS_renameat2, AT_FDCWD, "d", 7, "folder/d2", 0);
  syscall(SYS_unlink, "a2");
  syscall(SYS_unlinkat, 7, "folder/a3", 0);
  syscall(SYS_rmdir, "folder/inner");
}

void lock_each_way() {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  syscall(SYS_flock, 3, LOCK_EX);
  syscall(SYS_flock, 3, LOCK_UN);
  for (const int command : {F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW}) {
    lock.l_type = F_WRLCK;
    syscall(SYS_fcntl, 3, command, &lock);
    lock.l_type = F_UNLCK;
    syscall(SYS_fcntl, 3, command, &lock);
  }
}

int all() {
  open_each_way();
  write_each_way();
  change_each_way();
  name_each_way();
  lock_each_way();
  return 0;
}

int writes(const char* count) {
  const int fd = open("written", O_WRONLY | O_CREAT | O_CLOEXEC, kMode);
  for (long left = std::strtol(count, nullptr, 10); left > 0; --left) {
    if (pwrite(fd, "x", 1, 0) != 1) return errno;
  }
  return 0;
}

int reads(const char* count) {
  char page[4096];
  const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  for (long left = std::strtol(count, nullptr, 10); left > 0; --left) {
    if (pread(fd, page, sizeof page, 0) <= 0) return errno;
  }
  return 0;
}

constexpr struct {
  std::string_view name;
  int (*make)();
} kCalls[] = {{"uring", uring},
              {"getpid32", getpid32},
              {"open32", open32},
              {"getpid-x32", getpid_x32},
              {"map-shared", map_shared},
              {"map-shared-to-read", map_shared_to_read},
              {"map-private", map_private},
              {"map-read-only", map_read_only},
              {"fchmodat2", fchmodat2},
              {"by-links", by_links},
              {"all", all},
              {"nothing", [] { return 0; }}};

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "writes") return writes(argv[2]);
  if (argc == 3 && std::string_view(argv[1]) == "reads") return reads(argv[2]);
  for (const auto& call : kCalls) {
    if (argc == 2 && call.name == argv[1]) return call.make();
  }
  std::fprintf(stderr, "usage: system_calls_helper CALL, see the source for the calls there are\n");
  return 254;
}
