#include "harness/supervise/filter.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <span>
#include <utility>

#include <seccomp.h>

#include "orchestrator/base/unique_fd.h"

namespace stress {
namespace {

/// Linux 6.6; Debian 12's libseccomp has no name for it yet.
constexpr int kFchmodat2 = 452;

constexpr std::array kMutationCalls = {SCMP_SYS(write),
                                       SCMP_SYS(pwrite64),
                                       SCMP_SYS(writev),
                                       SCMP_SYS(pwritev),
                                       SCMP_SYS(pwritev2),
                                       SCMP_SYS(sendfile),
                                       SCMP_SYS(splice),
                                       SCMP_SYS(copy_file_range),
                                       SCMP_SYS(fsync),
                                       SCMP_SYS(fdatasync),
                                       SCMP_SYS(sync_file_range),
                                       SCMP_SYS(rename),
                                       SCMP_SYS(renameat),
                                       SCMP_SYS(renameat2),
                                       SCMP_SYS(link),
                                       SCMP_SYS(linkat),
                                       SCMP_SYS(symlink),
                                       SCMP_SYS(symlinkat),
                                       SCMP_SYS(unlink),
                                       SCMP_SYS(unlinkat),
                                       SCMP_SYS(mkdir),
                                       SCMP_SYS(mkdirat),
                                       SCMP_SYS(rmdir),
                                       SCMP_SYS(truncate),
                                       SCMP_SYS(ftruncate),
                                       SCMP_SYS(fallocate),
                                       SCMP_SYS(chmod),
                                       SCMP_SYS(fchmod),
                                       SCMP_SYS(fchmodat),
                                       SCMP_SYS(creat),
                                       SCMP_SYS(openat2),
                                       SCMP_SYS(mknod),
                                       SCMP_SYS(mknodat),
                                       SCMP_SYS(syncfs),
                                       kFchmodat2};
constexpr std::array kExecCalls = {SCMP_SYS(execve), SCMP_SYS(execveat)};
constexpr std::array kSocketCalls = {SCMP_SYS(connect), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
                                     SCMP_SYS(sendmmsg)};
/// The position of the signal's number: 0 only asks whether somebody is there.
constexpr std::array kSignalCalls = {std::pair{SCMP_SYS(kill), 1u}, std::pair{SCMP_SYS(tkill), 1u},
                                     std::pair{SCMP_SYS(tgkill), 2u},
                                     std::pair{SCMP_SYS(pidfd_send_signal), 1u}};
constexpr std::array kReadCalls = {SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(readv),
                                   SCMP_SYS(preadv), SCMP_SYS(preadv2)};
constexpr std::array kLookCalls = {SCMP_SYS(stat),       SCMP_SYS(lstat),    SCMP_SYS(newfstatat),
                                   SCMP_SYS(statx),      SCMP_SYS(access),   SCMP_SYS(faccessat),
                                   SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
                                   SCMP_SYS(getdents64)};
constexpr std::array kSleepCalls = {SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep)};
/// The position of the number of descriptors waited for: with none they wait for time alone.
constexpr std::array kWaitCalls = {std::pair{SCMP_SYS(poll), 1u}, std::pair{SCMP_SYS(ppoll), 1u},
                                   std::pair{SCMP_SYS(select), 0u},
                                   std::pair{SCMP_SYS(pselect6), 0u}};
constexpr std::array kForkCalls = {SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(clone),
                                   SCMP_SYS(clone3)};
/// Without a set-up there is no ring for these, but one could be handed over.
constexpr std::array kRingCalls = {SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register)};

/// The libseccomp context, freed at the end; the first error sticks.
class Rules {
 public:
  Rules() : context_(seccomp_init(SCMP_ACT_ALLOW)) {
    if (context_ == nullptr) error_ = -ENOMEM;
  }
  ~Rules() {
    if (context_ != nullptr) seccomp_release(context_);
  }
  Rules(const Rules&) = delete;
  Rules& operator=(const Rules&) = delete;

  void attribute(scmp_filter_attr name, std::uint32_t value) {
    if (error_ == 0) error_ = seccomp_attr_set(context_, name, value);
  }
  void add(std::uint32_t action, int call) {
    if (error_ == 0) error_ = seccomp_rule_add_array(context_, action, call, 0, nullptr);
  }
  void add_if(std::uint32_t action, int call, scmp_arg_cmp condition) {
    if (error_ == 0) error_ = seccomp_rule_add_array(context_, action, call, 1, &condition);
  }
  void notify(std::span<const int> calls) {
    for (const int call : calls) add(SCMP_ACT_NOTIFY, call);
  }
  void export_to(int fd) {
    if (error_ == 0) error_ = seccomp_export_bpf(context_, fd);
  }
  [[nodiscard]] int error() const { return error_; }

 private:
  scmp_filter_ctx context_;
  int error_ = 0;
};

/// Opens for writing only: told apart in BPF, so that the many opens of a start-up stay cheap.
void notify_writing_open(Rules& rules, int call, unsigned flags_argument) {
  for (const auto& [mask, value] : {std::pair{O_ACCMODE, O_WRONLY}, std::pair{O_ACCMODE, O_RDWR},
                                    std::pair{O_CREAT, O_CREAT}, std::pair{O_TRUNC, O_TRUNC}}) {
    rules.add_if(SCMP_ACT_NOTIFY, call,
                 SCMP_CMP(flags_argument, SCMP_CMP_MASKED_EQ, static_cast<scmp_datum_t>(mask),
                          static_cast<scmp_datum_t>(value)));
  }
}

void notify_locks(Rules& rules) {
  rules.add(SCMP_ACT_NOTIFY, SCMP_SYS(flock));
  for (const int command : {F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW}) {
    rules.add_if(SCMP_ACT_NOTIFY, SCMP_SYS(fcntl),
                 SCMP_CMP(1, SCMP_CMP_MASKED_EQ, 0xffffffffu, static_cast<scmp_datum_t>(command)));
  }
}

void notify_sleeps(Rules& rules) {
  rules.notify(kSleepCalls);
  for (const auto& [call, count] : kWaitCalls) {
    rules.add_if(SCMP_ACT_NOTIFY, call, SCMP_CMP(count, SCMP_CMP_MASKED_EQ, 0xffffffffu, 0));
  }
}

/// Those of files; private ones, and memory that is shared with children, change no file.
void notify_shared_mappings(Rules& rules) {
  for (const int type : {MAP_SHARED, MAP_SHARED_VALIDATE}) {
    rules.add_if(
        SCMP_ACT_NOTIFY, SCMP_SYS(mmap),
        SCMP_CMP(3, SCMP_CMP_MASKED_EQ, MAP_TYPE | MAP_ANONYMOUS, static_cast<scmp_datum_t>(type)));
  }
}

base::Result<BpfProgram> read_program(int fd) {
  const off_t bytes = lseek(fd, 0, SEEK_END);
  if (bytes <= 0) return base::fail(base::Errc::kIo, "libseccomp exported an empty filter");
  BpfProgram program(static_cast<std::size_t>(bytes) / sizeof(sock_filter));
  if (pread(fd, program.data(), static_cast<std::size_t>(bytes), 0) != bytes) {
    return base::fail_errno(errno, "read the exported filter", "memfd");
  }
  return program;
}

}  // namespace

base::Result<BpfProgram> build_filter(std::uint32_t set) {
  Rules rules;
  rules.attribute(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_NOTIFY);
  rules.attribute(SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary tree instead of a chain
  rules.add(SCMP_ACT_NOTIFY, SCMP_SYS(io_uring_setup));
  for (const int call : kRingCalls) rules.add(SCMP_ACT_ERRNO(ENOSYS), call);
  if ((set & kMutations) != 0) {
    rules.notify(kMutationCalls);
    notify_shared_mappings(rules);
  }
  if ((set & kReadOpens) != 0) {
    rules.add(SCMP_ACT_NOTIFY, SCMP_SYS(open));
    rules.add(SCMP_ACT_NOTIFY, SCMP_SYS(openat));
  } else if ((set & kMutations) != 0) {
    notify_writing_open(rules, SCMP_SYS(open), 1);
    notify_writing_open(rules, SCMP_SYS(openat), 2);
  }
  if ((set & kLocking) != 0) notify_locks(rules);
  if ((set & kExecution) != 0) rules.notify(kExecCalls);
  if ((set & kSockets) != 0) rules.notify(kSocketCalls);
  if ((set & kExits) != 0) rules.add(SCMP_ACT_NOTIFY, SCMP_SYS(exit_group));
  if ((set & kSignals) != 0) {
    for (const auto& [call, number] : kSignalCalls) {
      if ((set & kProbes) != 0) {
        rules.add(SCMP_ACT_NOTIFY, call);
      } else {
        rules.add_if(SCMP_ACT_NOTIFY, call, SCMP_CMP(number, SCMP_CMP_NE, 0));
      }
    }
  }
  if ((set & kReads) != 0) {
    for (const int call : kReadCalls) {
      rules.add_if(SCMP_ACT_NOTIFY, call, SCMP_CMP(0, SCMP_CMP_GT, STDERR_FILENO));
    }
  }
  if ((set & kLooks) != 0) rules.notify(kLookCalls);
  if ((set & kSleeps) != 0) notify_sleeps(rules);
  if ((set & kRandomness) != 0) rules.add(SCMP_ACT_NOTIFY, SCMP_SYS(getrandom));
  if ((set & kForks) != 0) rules.notify(kForkCalls);

  const base::UniqueFd file(memfd_create("filter", MFD_CLOEXEC));
  if (!file.valid()) return base::fail_errno(errno, "create", "memfd");
  rules.export_to(file.get());
  if (rules.error() != 0) return base::fail_errno(-rules.error(), "build the filter", "libseccomp");
  return read_program(file.get());
}

}  // namespace stress
