// spawnstorm-agent LOGFILE AGENT_ID [--lifetime SECONDS]
// A harmless stand-in for an agent: it tells of its birth and of its death by one line each, and in
// between sleeps without waking. It uses no library, so that thousands of starts cost next to
// nothing.
#include <fcntl.h>
#include <signal.h>
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

/// One write to a file opened with O_APPEND: lines of many agents never mix, and a kill leaves the
/// whole line or none. `cause`: null for a birth.
bool tell(int log, const char* agent, const char* cause) {
  char id[2 * kIdBytesMax];
  char line[sizeof id + 200];
  put_text(id, sizeof id, agent);
  int length = std::snprintf(line, sizeof line,
                             "{\"event\":\"%s\",\"agent\":\"%s\",\"pid\":%d,\"at\":%" PRId64,
                             cause == nullptr ? "birth" : "death", id, ::getpid(), monotonic_ns());
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

}  // namespace

int main(int argc, char** argv) {
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
  // Blocked before the birth is told: whoever was born tells of its death too.
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGHUP, SIGTERM, SIGINT}) ::sigaddset(&signals, signal);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  const int log = ::open(argv[1], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (log < 0 || !tell(log, argv[2], nullptr)) {
    std::fprintf(stderr, "spawnstorm-agent: cannot write %s: %s\n", argv[1], std::strerror(errno));
    return kCannotLog;
  }
  const int signal = wait_for_end(signals, lifetime_s);
  return tell(log, argv[2], cause_of(signal)) ? 0 : kCannotLog;
}
