#include "harness/supervise/guardian.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include "harness/supervise/members.h"
#include "harness/supervise/process_table.h"
#include "harness/supervise/reaper.h"
#include "orchestrator/base/pidfd.h"

namespace stress {
namespace {

using std::chrono::milliseconds;

constexpr char kDone = 'd';
constexpr int kConnection = 0;
constexpr int kGuarded = 3;
constexpr int kExecError = 4;
constexpr int kEscort = 10;  // descriptors are first moved up here, out of the way of 0 to 4

/// A mistake in a path must not cost anybody a file: no relative or unclean path, nothing directly
/// below '/'.
base::Status check_folder(const std::filesystem::path& folder) {
  const auto names = std::distance(folder.begin(), folder.end()) - 1;  // without the root
  if (folder.is_absolute() && names >= 2 && folder == folder.lexically_normal() &&
      folder.has_filename()) {
    return {};
  }
  return base::fail(base::Errc::kInvalid, "temporary folder '{}': the guardian would not remove it",
                    folder.string());
}

/// Only a real folder of this user: a link of that name was put there by somebody else.
void remove_folder(const std::filesystem::path& folder) {
  struct stat status{};
  if (!check_folder(folder) || ::lstat(folder.c_str(), &status) != 0) return;
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid()) return;
  std::error_code ignored;  // nobody is left to be told
  std::filesystem::remove_all(folder, ignored);
}

/// argv or environ for exec.
std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

/// Ours without any run's mark, by which the guardian would be found and killed as a member.
std::vector<std::string> unmarked_environment() {
  const std::string mark = run_environment("");
  std::vector<std::string> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with(mark)) kept.emplace_back(*entry);
  }
  return kept;
}

struct Launch {
  char** argv;
  char** envp;
  int connection;
  int guarded;
  int exec_error;
};

/// Between fork and exec: async-signal-safe calls only.
[[noreturn]] void become_guardian(const Launch& launch) {
  const int connection = ::fcntl(launch.connection, F_DUPFD, kEscort);
  const int guarded = ::fcntl(launch.guarded, F_DUPFD, kEscort);
  const int exec_error = ::fcntl(launch.exec_error, F_DUPFD, kEscort);
  const int nothing = ::open("/dev/null", O_RDWR);
  ::setsid();
  ::dup2(connection, kConnection);
  ::dup2(nothing, 1);
  ::dup2(nothing, 2);
  ::dup2(guarded, kGuarded);
  ::dup3(exec_error, kExecError, O_CLOEXEC);
  ::close_range(kExecError + 1, ~0U, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // The folder that `stress` was started in must not be kept busy.
  if (::chdir("/") == 0) ::execve("/proc/self/exe", launch.argv, launch.envp);
  const int error = errno;
  [[maybe_unused]] const ssize_t told = ::write(kExecError, &error, sizeof error);
  ::_exit(127);
}

void ignore_what_a_terminal_sends() {
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) {
    ::sigaction(signal, &ignore, nullptr);
  }
}

/// True: the run ended well; false: its process died.
bool run_ends_well() {
  std::array<pollfd, 2> sources{pollfd{.fd = kConnection, .events = POLLIN},
                                pollfd{.fd = kGuarded, .events = POLLIN}};
  for (;;) {
    if (::poll(sources.data(), sources.size(), -1) < 0) continue;
    // The process may die right after its word: its word comes first.
    char word = 0;
    const ssize_t got = ::recv(kConnection, &word, 1, MSG_DONTWAIT);
    if (got == 1) return word == kDone;
    if (got == 0) return false;
    if ((sources[1].revents & POLLIN) != 0) return false;
    if (errno != EAGAIN && errno != EINTR) return false;
  }
}

}  // namespace

base::Result<Guardian> Guardian::start(
    const Group& group, const std::vector<std::filesystem::path>& temporary_folders) {
  std::vector<std::string> arguments{"stress", "guardian", group.token(), group.cgroup().string()};
  for (const auto& folder : temporary_folders) {
    if (auto good = check_folder(folder); !good) return std::unexpected(good.error());
    arguments.push_back(folder.string());
  }
  std::vector<std::string> environment = unmarked_environment();
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(environment);

  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) {
    return base::fail_errno(errno, "connect to", "guardian");
  }
  base::UniqueFd ours(pair[0]);
  const base::UniqueFd theirs(pair[1]);
  if (::pipe2(pair.data(), O_CLOEXEC) != 0)
    return base::fail_errno(errno, "make a pipe for", "guardian");
  const base::UniqueFd error_out(pair[0]);
  base::UniqueFd error_in(pair[1]);
  const base::UniqueFd self(::pidfd_open(::getpid(), 0));
  if (!self.valid()) return base::fail_errno(errno, "open a pidfd of", "/proc/self");

  const Launch launch{const_cast<char**>(argv.data()), const_cast<char**>(envp.data()),
                      theirs.get(), self.get(), error_in.get()};
  const pid_t pid = ::fork();
  if (pid < 0) return base::fail_errno(errno, "fork", "guardian");
  if (pid == 0) become_guardian(launch);
  own_child(pid);
  error_in.reset();
  Guardian guardian(std::move(ours), base::UniqueFd(::pidfd_open(pid, 0)), pid);
  int error = 0;
  if (::read(error_out.get(), &error, sizeof error) == static_cast<ssize_t>(sizeof error)) {
    return base::fail_errno(error, "execute", "/proc/self/exe");
  }
  return guardian;
}

Guardian::~Guardian() {
  if (!connection_.valid()) return;
  ::send(connection_.get(), &kDone, 1, MSG_NOSIGNAL);
  connection_.reset();
  constexpr int kPatienceMs = 10'000;
  pollfd end{.fd = process_.get(), .events = POLLIN, .revents = 0};
  if (::poll(&end, 1, kPatienceMs) == 0) ::pidfd_send_signal(process_.get(), SIGKILL, nullptr, 0);
  ::waitid(P_PIDFD, static_cast<id_t>(process_.get()), nullptr, WEXITED);
  disown_child(pid_);
}

bool is_guardian(pid_t pid) { return command_line(pid).starts_with("stress guardian "); }

int guardian_main(const std::vector<std::string>& arguments) {
  ignore_what_a_terminal_sends();
  if (arguments.size() < 2) return 2;
  if (run_ends_well()) return 0;
  constexpr milliseconds kPatience{60'000};
  const std::string& token = arguments[0];
  const std::filesystem::path cgroup = arguments[1];
  const auto ended = end_members(token, cgroup, kPatience);
  const auto removed = remove_cgroup(cgroup, kPatience);
  for (std::size_t i = 2; i < arguments.size(); ++i) remove_folder(arguments[i]);
  return ended && removed ? 0 : 1;
}

}  // namespace stress
