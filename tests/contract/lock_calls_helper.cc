// Locks and unlocks a file, one call after the other, for the tests of the lock probe.
//   lock_calls_helper FILE CALL...      each of them one of
//     flock:OPERATION                   sh, ex, un; ex-nb
//     posix:TYPE:BASE:START:LENGTH      F_SETLKW; TYPE r, w or u; BASE set, cur or end
//     try-posix, ofd, try-ofd           likewise: F_SETLK, F_OFD_SETLKW, F_OFD_SETLK
//     anew                              opens the file once more, for what comes then
//     read-only                         opens the file once more, for reading
// The file's position is 100. The exit code is the number of calls that failed.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

int flock_by(std::string_view operation, int fd) {
  if (operation == "sh") return flock(fd, LOCK_SH);
  if (operation == "ex") return flock(fd, LOCK_EX);
  if (operation == "ex-nb") return flock(fd, LOCK_EX | LOCK_NB);
  return flock(fd, LOCK_UN);
}

/// `words`: "w:set:0:10"
int fcntl_by(int command, const char* words, int fd) {
  const char* numbers = std::strchr(words + 2, ':');
  if (numbers == nullptr) return -1;
  char* rest = nullptr;
  struct flock lock{};
  lock.l_type = F_UNLCK;
  if (words[0] == 'r') lock.l_type = F_RDLCK;
  if (words[0] == 'w') lock.l_type = F_WRLCK;
  if (words[2] == 'c') lock.l_whence = SEEK_CUR;
  if (words[2] == 'e') lock.l_whence = SEEK_END;
  lock.l_start = std::strtol(numbers + 1, &rest, 10);
  lock.l_len = std::strtol(rest + 1, nullptr, 10);
  return fcntl(fd, command, &lock);
}

int call(std::string_view words, const char* file, int& fd) {
  if (words == "anew" || words == "read-only") {
    fd = open(file, (words == "anew" ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    return fd < 0 || lseek(fd, 100, SEEK_SET) < 0 ? -1 : 0;
  }
  const std::size_t colon = words.find(':');
  if (colon == std::string_view::npos) return -1;
  const std::string_view way = words.substr(0, colon);
  const char* rest = words.data() + colon + 1;
  if (way == "flock") return flock_by(rest, fd);
  if (way == "posix") return fcntl_by(F_SETLKW, rest, fd);
  if (way == "try-posix") return fcntl_by(F_SETLK, rest, fd);
  if (way == "ofd") return fcntl_by(F_OFD_SETLKW, rest, fd);
  return way == "try-ofd" ? fcntl_by(F_OFD_SETLK, rest, fd) : -1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 254;
  int fd = -1;
  int failed = call("anew", argv[1], fd) == 0 ? 0 : 1;
  for (int i = 2; i < argc; ++i) failed += call(argv[i], argv[1], fd) == 0 ? 0 : 1;
  return failed;
}
