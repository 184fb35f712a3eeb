// spawnstorm-agent LOGFILE AGENT_ID [--lifetime SECONDS]
// ANY_OTHER_NAME [ANY ARGUMENTS]
// A harmless stand-in for an agent: it tells of its birth and of its death by one line each, and in
// between sleeps without waking. It uses no library, so that thousands of starts cost next to
// nothing.
// Under a borrowed name (a link to it) it is told nothing of the harness by its arguments. Its log
// is named by SPAWNSTORM_AGENT_LOG, or else by the link .agent-log beside its own. Which agent it
// is stands in the variable that SPAWNSTORM_AGENT_ID_VARIABLE names, or behind the argument that
// SPAWNSTORM_AGENT_ID_AFTER names; its line tells its tmux session, too, and its parent.
#include <fcntl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <initializer_list>

namespace {

constexpr int kUsage = 254;
constexpr int kCannotLog = 74;  // EX_IOERR
constexpr std::size_t kIdBytesMax = 256;

std::int64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// Appends `text` as the inside of a JSON string; what is no plain text becomes '?'.
void put_text(char* out, std::size_t size, const char* text) {
  std::size_t used = 0;
  for (; *text != '\0' && used + 3 < size; ++text) {
    const auto byte = static_cast<unsigned char>(*text);
    if (byte == '"' || byte == '\\') out[used++] = '\\';
    out[used++] = byte < 0x20 ? '?' : *text;
  }
  out[used] = '\0';
}

/// What the log is to say of this agent.
struct Identity {
  const char* id = "";
  const char* session = nullptr;  ///< under a borrowed name: of tmux, or empty
};

/// One write to a file opened with O_APPEND: lines of many agents never mix, and a kill leaves the
/// whole line or none. `cause`: null for a birth.
bool tell(int log, const Identity& agent, const char* cause) {
  char id[2 * kIdBytesMax];
  char session[2 * kIdBytesMax];
  char borrowed[sizeof session + 60] = "";
  char line[sizeof id + sizeof borrowed + 200];
  put_text(id, sizeof id, agent.id);
  if (agent.session != nullptr) {
    put_text(session, sizeof session, agent.session);
    std::snprintf(borrowed, sizeof borrowed, ",\"session\":\"%s\",\"parent\":%d", session,
                  ::getppid());
  }
  int length = std::snprintf(
      line, sizeof line, "{\"event\":\"%s\",\"agent\":\"%s\"%s,\"pid\":%d,\"at\":%" PRId64,
      cause == nullptr ? "birth" : "death", id, borrowed, ::getpid(), monotonic_ns());
  const std::size_t used = static_cast<std::size_t>(length);
  length += cause == nullptr
                ? std::snprintf(line + used, sizeof line - used, "}\n")
                : std::snprintf(line + used, sizeof line - used, ",\"cause\":\"%s\"}\n", cause);
  return ::write(log, line, static_cast<std::size_t>(length)) == length;
}

const char* cause_of(int signal) {
  switch (signal) {
    case SIGHUP:
      return "SIGHUP";
    case SIGTERM:
      return "SIGTERM";
    case SIGINT:
      return "SIGINT";
    default:
      return "exit";  // of its own will
  }
}

/// Returns the signal, or 0 after `lifetime_s` (negative: never).
int wait_for_end(const sigset_t& signals, long lifetime_s) {
  const std::int64_t end = monotonic_ns() + std::int64_t{lifetime_s} * 1'000'000'000;
  for (;;) {
    int signal = 0;
    if (lifetime_s < 0) {
      signal = ::sigwaitinfo(&signals, nullptr);
    } else {
      const std::int64_t left = end - monotonic_ns();
      if (left <= 0) return 0;
      const timespec rest{.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
      signal = ::sigtimedwait(&signals, nullptr, &rest);
      if (signal < 0 && errno == EAGAIN) return 0;
    }
    if (signal > 0) return signal;  // else stopped and continued
  }
}

int usage() {
  std::fputs("usage: spawnstorm-agent LOGFILE AGENT_ID [--lifetime SECONDS]\n", stderr);
  return kUsage;
}

/// Tells birth, waits, tells death.
int live(const char* log_file, const Identity& agent, long lifetime_s) {
  // Blocked before the birth is told: whoever was born tells of its death too.
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGHUP, SIGTERM, SIGINT}) ::sigaddset(&signals, signal);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  const int log = ::open(log_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (log < 0 || !tell(log, agent, nullptr)) {
    std::fprintf(stderr, "spawnstorm-agent: cannot write %s: %s\n", log_file, std::strerror(errno));
    return kCannotLog;
  }
  const int signal = wait_for_end(signals, lifetime_s);
  return tell(log, agent, cause_of(signal)) ? 0 : kCannotLog;
}

/// The value of `variable`, or "".
const char* environment(const char* variable) {
  const char* value = variable == nullptr ? nullptr : std::getenv(variable);
  return value == nullptr ? "" : value;
}

/// What follows `word`, as an argument of its own or behind '='; or "".
const char* argument_after(int argc, char** argv, const char* word) {
  const std::size_t length = std::strlen(word);
  if (length == 0) return "";
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], word, length) != 0) continue;
    if (argv[i][length] == '=') return argv[i] + length + 1;
    if (argv[i][length] == '\0' && i + 1 < argc) return argv[i + 1];
  }
  return "";
}

/// The name of the session whose pane this is, as tmux says it; "" outside of tmux.
void ask_session(char* name, std::size_t size) {
  name[0] = '\0';
  int ends[2];
  const char* pane = environment("TMUX_PANE");
  if (*pane == '\0' || *environment("TMUX") == '\0' || ::pipe2(ends, O_CLOEXEC) != 0) return;
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::execlp("tmux", "tmux", "-N", "display-message", "-p", "-t", pane, "#{session_name}",
             static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ::close(ends[1]);
  std::size_t used = 0;
  for (ssize_t got = 1; got > 0 && used + 1 < size;) {
    got = ::read(ends[0], name + used, size - 1 - used);
    if (got > 0) used += static_cast<std::size_t>(got);
    if (got < 0 && errno == EINTR) got = 1;
  }
  ::close(ends[0]);
  if (child > 0) ::waitpid(child, nullptr, 0);
  while (used > 0 && name[used - 1] == '\n') --used;
  name[used] = '\0';
}

/// The link .agent-log in the folder of the link by which this program was started.
void log_beside(char* file, std::size_t size) {
  const unsigned long word = ::getauxval(AT_EXECFN);
  const auto* started_as =
      reinterpret_cast<const char*>(word);  // NOLINT(performance-no-int-to-ptr)
  const char* slash = started_as == nullptr ? nullptr : std::strrchr(started_as, '/');
  const int folder = slash == nullptr ? 0 : static_cast<int>(slash - started_as) + 1;
  std::snprintf(file, size, "%.*s.agent-log", folder, folder == 0 ? "" : started_as);
}

/// A client that only asks for the version would wait for ever.
bool is_question(int argc, char** argv) {
  if (argc != 2) return false;
  for (const char* question : {"--version", "-v", "-V", "version", "--help", "-h", "help"}) {
    if (std::strcmp(argv[1], question) == 0) return true;
  }
  return false;
}

int live_borrowed(int argc, char** argv) {
  if (is_question(argc, argv)) {
    std::puts("1.0.0 (a stand-in of Spawnstorm)");
    return 0;
  }
  char beside[4096];
  log_beside(beside, sizeof beside);
  const char* log = environment("SPAWNSTORM_AGENT_LOG");
  Identity agent;
  agent.id = environment(environment("SPAWNSTORM_AGENT_ID_VARIABLE"));
  if (*agent.id == '\0') {
    agent.id = argument_after(argc, argv, environment("SPAWNSTORM_AGENT_ID_AFTER"));
  }
  if (std::strlen(agent.id) > kIdBytesMax - 2) agent.id = "";
  char session[kIdBytesMax];
  ask_session(session, sizeof session);
  agent.session = session;
  return live(*log != '\0' ? log : beside, agent, -1);
}

bool has_own_name(const char* started_as) {
  const char* slash = std::strrchr(started_as, '/');
  return std::strcmp(slash == nullptr ? started_as : slash + 1, "spawnstorm-agent") == 0;
}

}  // namespace

int main(int argc, char** argv) {
  // Who follows the link to its end starts it by its own name.
  if (argc > 0 && (!has_own_name(argv[0]) || *environment("SPAWNSTORM_AGENT_LOG") != '\0')) {
    return live_borrowed(argc, argv);
  }
  long lifetime_s = -1;
  if (argc != 3 && argc != 5) return usage();
  if (argc == 5) {
    char* rest = nullptr;
    lifetime_s = std::strtol(argv[4], &rest, 10);
    if (std::strcmp(argv[3], "--lifetime") != 0 || rest == argv[4] || *rest != '\0' ||
        lifetime_s < 0 || lifetime_s > 1'000'000'000) {
      return usage();
    }
  }
  if (std::strlen(argv[2]) > kIdBytesMax - 2) return usage();
  return live(argv[1], {.id = argv[2], .session = nullptr}, lifetime_s);
}
