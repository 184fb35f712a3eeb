/* Flaw: the registry is written in place, under its lock: write, then truncate. A crash in between
 * leaves the new text before the end of the old (seen in a real orchestrator). The correct one
 * writes a temporary file and renames it. */

#define FLAW_SAVE
#include "orchestrator.c"

static int save(const char* text) {
  const int fd = open(registry_path, O_WRONLY | O_CLOEXEC);
  const ssize_t size = (ssize_t)strlen(text);
  const int saved = fd >= 0 && write(fd, text, strlen(text)) == size && ftruncate(fd, size) == 0 &&
                    fsync(fd) == 0;
  if (fd >= 0) close(fd);
  return saved ? DONE : fail("cannot save the registry");
}
