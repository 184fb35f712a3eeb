/* What a spawn of a small orchestrator does to its registry, and nothing besides, so that what is
 * measured is the harness: under a lock the registry is read, a new one with one agent more is
 * written beside it, and renamed over it.
 *
 *   tiny_spawn init FOLDER | tiny_spawn spawn FOLDER ID
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(const char* name, const char* text) {
  const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const ssize_t size = (ssize_t)strlen(text);
  return fd >= 0 && write(fd, text, (size_t)size) == size && close(fd) == 0;
}

static int add(const char* id) {
  char text[4096], more[128], temporary[64];
  const int fd = open("registry.json", O_RDONLY | O_CLOEXEC);
  const ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - sizeof more);
  if (size < 2 || close(fd) != 0) return 0;
  snprintf(more, sizeof more, "%s{\"id\": \"%s\", \"status\": \"running\"}]}",
           text[size - 3] == '[' ? "" : ", ", id);
  strcpy(text + size - 2, more);
  snprintf(temporary, sizeof temporary, "registry.json.tmp-%s", id);
  return write_all(temporary, text) && rename(temporary, "registry.json") == 0;
}

int main(int argc, char** argv) {
  if (argc < 3 || chdir(argv[2]) != 0) return 2;
  if (strcmp(argv[1], "init") == 0) return write_all("registry.json", "{\"agents\": []}") ? 0 : 1;
  const int lock = open(".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (argc < 4 || lock < 0 || flock(lock, LOCK_EX) != 0 || !add(argv[3])) return 1;
  return puts(argv[3]) < 0;
}
