/* Flaw: whoever lets go of the lock deletes its file; then one who waits for the old file and one
 * who makes a new one hold it both (gastownhall/beads#2933). The correct one never deletes it. */

#define FLAW_UNLOCK
#include "orchestrator.c"

static void unlock(int fd) {
  unlink(lock_path);
  close(fd);
}
