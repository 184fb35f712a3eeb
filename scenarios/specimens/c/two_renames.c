/* Flaw: the old registry is moved away before the new one is moved in, so for a moment there is
 * none (tetsuo-ai/agenc-core#2086). The correct one makes the backup a second name of the old file,
 * and replaces the first by one rename. */

#define FLAW_BACKUP
#include "orchestrator.c"

static int keep_backup(void) { return rename(registry_path, backup_path); }
