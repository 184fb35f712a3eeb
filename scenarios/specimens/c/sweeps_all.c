/* Flaw: the sweep ends each session with `agent_` in its name that is not in this registry, and so
 * another instance's (alamops/agetor#85).
 * The correct one ends only what bears the mark of its own workspace. */

#define FLAW_IS_OURS
#include "orchestrator.c"

static int is_ours(const struct session* session, const struct registry* registry) {
  (void)registry;
  return strstr(session->name, "agent_") != NULL;
}
