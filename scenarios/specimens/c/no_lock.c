/* Flaw: two instances share a registry without any lock (smtg-ai/claude-squad#323).
 * The correct one holds a flock from before it reads until after it has written. */

#define FLAW_LOCK
#include "orchestrator.c"

static int lock(void) { return open("/dev/null", O_RDONLY | O_CLOEXEC); }
