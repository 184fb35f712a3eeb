// A program for a schedule: does what its words say, one after the other, in the current folder.
// Static, so that no loader's calls are among its steps. The exit code is the errno of the first
// call that failed, and nothing is done behind it.
//   read:F        write:F:TEXT  append:F:TEXT  increment:F   (read a number, write the next one)
//   flock:F       fcntl:F       ofd:F          (waits)       unlock:F   (of each kind)
//   open:F        (for locks of whoever is forked later, too)
//   close:F       (what was opened for locks)
//   move:F:G
//   sleep         (an hour)     nap            (some milliseconds)      pause
//   random:F      (what getrandom gives)       await:F       (looks for a file again and again)
//   nap-until:F   (likewise, and sleeps between)
//   pipe          say           hear           (a byte)      hear-end   (nobody says anything more)
//   fork … end    thread … end  (do what stands between)     wait       join
//   look-and-nap  (until a child has ended)    linger        (dies slowly once the pipe is closed)
//   kill-child    (the last one)               leave         (the main thread ends)
//   tell:F        (its number, to a file)
//   probe:F:G     look:F:G       (whether the process of that file lives: the answer, to G)
//   die-after     (its parent, of a signal)    give-way      (on the first processor, to everybody)
//   own-session   (leaves that of its parent)
//   count         (SIGUSR1s)    say-count:F
//   exec          (itself anew, with the words that follow)
//   serve:S       (answers on a socket, for ever)            call:S:TEXT
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Words = std::vector<std::string>;

int pipe_ends[2];
pid_t last_child;
std::vector<std::thread> threads;
std::map<std::string, int> locks;  // open files, by name
volatile sig_atomic_t signals = 0;

void require(bool good) {
  if (!good) _exit(errno != 0 ? errno : 1);
}

std::string read_all(const std::string& file) {
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  require(fd >= 0);
  char text[64];
  const ssize_t got = read(fd, text, sizeof text);
  require(got >= 0);
  close(fd);
  return {text, static_cast<std::size_t>(got)};
}

int number_in(const std::string& text) {
  return static_cast<int>(std::strtol(text.c_str(), nullptr, 10));
}

void write_all(const std::string& file, const std::string& text, int how) {
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | how, 0600);
  require(fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  close(fd);
}

int open_for_locks(const std::string& file) {
  if (!locks.contains(file)) locks[file] = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  return locks[file];
}

void lock(const std::string& way, const std::string& file) {
  const int fd = open_for_locks(file);
  struct flock all{};
  all.l_type = way == "unlock" ? F_UNLCK : F_WRLCK;
  if (way == "flock") return require(flock(fd, LOCK_EX) == 0);
  if (way == "fcntl") return require(fcntl(fd, F_SETLKW, &all) == 0);
  if (way == "ofd") return require(fcntl(fd, F_OFD_SETLKW, &all) == 0);
  require(flock(fd, LOCK_UN) == 0 && fcntl(fd, F_SETLK, &all) == 0 &&
          fcntl(fd, F_OFD_SETLK, &all) == 0);
}

/// `told` holds what it held before the attempt, and what came of that.
void try_lock(const std::string& file, const std::string& told) {
  const std::string before = read_all(told);
  const bool had = flock(open_for_locks(file), LOCK_EX | LOCK_NB) == 0;
  write_all(told, before + (had ? " free" : " held"), O_TRUNC);
}

int socket_at(const std::string& name, sockaddr_un& address) {
  address.sun_family = AF_UNIX;
  require(name.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  require(fd >= 0);
  return fd;
}

[[noreturn]] void serve(const std::string& name) {
  sockaddr_un address{};
  const int fd = socket_at(name, address);
  require(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  require(listen(fd, 8) == 0);
  while (true) {
    const int client = accept(fd, nullptr, nullptr);
    char text[64];
    const ssize_t got = client < 0 ? -1 : read(client, text, sizeof text);
    if (got > 0) {
      write_all("served", {text, static_cast<std::size_t>(got)}, O_APPEND);
      require(write(client, "!", 1) == 1);
    }
    close(client);
  }
}

void call(const std::string& name, const std::string& text) {
  sockaddr_un address{};
  const int fd = socket_at(name, address);
  require(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  char answer = 0;
  require(write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  require(read(fd, &answer, 1) == 1);
  close(fd);
}

/// Files are closed from the last one on, and a large one takes its time.
void linger() {
  const int file = memfd_create("large", MFD_CLOEXEC);
  const int pipe = fcntl(pipe_ends[1], F_DUPFD_CLOEXEC, file + 1);
  const std::vector<char> much(64u << 20);
  require(file >= 0 && pipe >= 0 && close(pipe_ends[1]) == 0);
  require(write(file, much.data(), much.size()) == static_cast<ssize_t>(much.size()));
}

void give_way() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  const sched_param none{};
  require(sched_setaffinity(0, sizeof one, &one) == 0 &&
          sched_setscheduler(0, SCHED_IDLE, &none) == 0);
}

void sleep_for(time_t seconds, long nanoseconds) {
  const timespec length{seconds, nanoseconds};
  require(nanosleep(&length, nullptr) == 0);
}

void random_to(const std::string& file) {
  unsigned char bytes[8];
  require(getrandom(bytes, sizeof bytes, 0) == sizeof bytes);
  std::string text;
  for (const unsigned char byte : bytes) text += std::to_string(byte) + " ";
  write_all(file, text, O_TRUNC);
}

void do_one(const std::string& word) {
  const std::size_t colon = word.find(':');
  const std::string what = word.substr(0, colon);
  const std::string rest = colon == std::string::npos ? "" : word.substr(colon + 1);
  const std::string file = rest.substr(0, rest.find(':'));
  const std::string text = rest.size() > file.size() ? rest.substr(file.size() + 1) : "";
  char byte = 'x';
  if (what == "read") return static_cast<void>(read_all(file));
  if (what == "write") return write_all(file, text, O_TRUNC);
  if (what == "append") return write_all(file, text, O_APPEND);
  if (what == "increment") {
    return write_all(file, std::to_string(std::strtol(read_all(file).c_str(), nullptr, 10) + 1),
                     O_TRUNC);
  }
  if (what == "flock" || what == "fcntl" || what == "ofd" || what == "unlock") {
    return lock(what, file);
  }
  if (what == "try") return try_lock(file, text);
  if (what == "open") return require(open_for_locks(file) >= 0);
  if (what == "move") return require(rename(file.c_str(), text.c_str()) == 0);
  if (what == "close") return require(close(locks.at(file)) == 0);
  if (what == "sleep") return sleep_for(3600, 0);
  if (what == "nap") return sleep_for(0, 20'000'000);
  if (what == "pause") return static_cast<void>(pause());
  if (what == "random") return random_to(file);
  if (what == "await") {
    while (access(file.c_str(), F_OK) != 0) continue;
    return;
  }
  if (what == "nap-until") {
    while (access(file.c_str(), F_OK) != 0) sleep_for(0, 500'000);
    return;
  }
  if (what == "pipe") return require(pipe2(pipe_ends, O_CLOEXEC) == 0);
  if (what == "say") return require(write(pipe_ends[1], &byte, 1) == 1);
  if (what == "hear") return require(read(pipe_ends[0], &byte, 1) == 1);
  if (what == "hear-end") {
    require(close(pipe_ends[1]) == 0);
    return require(read(pipe_ends[0], &byte, 1) == 0);
  }
  if (what == "linger") return linger();
  if (what == "look-and-nap") {
    while (waitpid(-1, nullptr, WNOHANG) == 0) sleep_for(0, 500'000);
    return;
  }
  if (what == "wait") {
    while (wait(nullptr) > 0) continue;
    return;
  }
  if (what == "join") {
    for (std::thread& thread : threads) thread.join();
    return threads.clear();
  }
  if (what == "kill-child") return require(kill(last_child, SIGKILL) == 0);
  if (what == "tell") return write_all(file, std::to_string(getpid()), O_TRUNC);
  if (what == "probe" || what == "look") {
    const std::string number = read_all(file);
    if (number.empty()) return write_all(text, "nobody told", O_TRUNC);
    const bool lives = what == "probe" ? kill(number_in(number), 0) == 0
                                       : access(("/proc/" + number).c_str(), F_OK) == 0;
    return write_all(text, lives ? "lives" : "is gone", O_TRUNC);
  }
  if (what == "own-session") return require(setsid() > 0);
  if (what == "die-after") return require(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
  if (what == "give-way") return give_way();
  if (what == "leave") pthread_exit(nullptr);
  if (what == "count") {
    require(signal(SIGUSR1, [](int) { signals = signals + 1; }) != SIG_ERR);
    return;
  }
  if (what == "say-count") return write_all(file, std::to_string(signals), O_TRUNC);
  if (what == "serve") serve(file);
  if (what == "call") return call(file, text);
  errno = EINVAL;
  require(false);
}

void do_all(const Words& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "exec") {
      Words rest(words.begin() + static_cast<std::ptrdiff_t>(i), words.end());
      std::vector<char*> arguments;
      for (std::string& word : rest) arguments.push_back(word.data());
      arguments.push_back(nullptr);
      execv("/proc/self/exe", arguments.data());
      require(false);
    }
    if (words[i] != "fork" && words[i] != "thread") {
      do_one(words[i]);
      continue;
    }
    std::size_t end = i + 1;
    for (int depth = 1; depth > 0; ++end) {
      if (words.at(end) == "fork" || words.at(end) == "thread") ++depth;
      if (words.at(end) == "end") --depth;
    }
    const Words inner(words.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                      words.begin() + static_cast<std::ptrdiff_t>(end) - 1);
    if (words[i] == "thread") {
      threads.emplace_back([inner] { do_all(inner); });
    } else {
      last_child = fork();
      require(last_child >= 0);
      if (last_child == 0) {
        do_all(inner);
        _exit(0);
      }
    }
    i = end - 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  do_all(Words(argv + 1, argv + argc));
  return 0;
}
