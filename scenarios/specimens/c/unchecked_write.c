/* Flaw: a write that fails is not noticed, and what was written by then becomes the registry
 * (Unitech/pm2#2971: a full disk leaves an empty dump).
 * The correct one looks at each result, and leaves the old registry alone if one is bad. */

#define FLAW_SAVE
#include "orchestrator.c"

static int save(const char* text) {
  char temporary[PATH_BYTES];
  temporary_for(registry_path, temporary);
  write_synced(temporary, text);
  keep_backup();
  rename(temporary, registry_path);
  sync_folder();
  return DONE;
}
