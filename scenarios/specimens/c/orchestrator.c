/* A small orchestrator of agents in tmux sessions, in C: the correct one.
 *
 *   orchestrator COMMAND WORKSPACE ...
 *   init [HISTORY]   spawn TASK TYPE [PARENT]   update AGENT [STATUS] [PROGRESS] [MESSAGE]
 *   kill AGENT   list   validate   repair [--dry-run]   gate AGENT ATTEMPT PROGRAM
 *
 * Exit codes: 0 done, 1 failed (may have had effects), 2 usage, 3 refused (no effect).
 * A spawn is intent, session, commit; the session's pane runs `gate`, which becomes the agent only
 * if its record, read under the lock, still has this attempt and is active. Each later change of a
 * record is a compare and set. */

#define _GNU_SOURCE
#include "registry.h"
#include "sessions.h"

#define ROOT "orchestrator"
enum { DEPTH_MAX = 5 };

/* What a transaction is told, and what it answers. */
struct request {
  const char *task, *type, *parent;             /* spawn */
  const char *id, *status, *progress, *message; /* update, kill */
  struct session session;                       /* confirm */
  char workspace_id[NAME_BYTES];
  struct agent agent; /* the record, as it was or as it became */
};

static int is_word(const char* text, const char* allowed) {
  return *text != '\0' && strlen(text) < 64 && text[strspn(text, allowed)] == '\0';
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

static void new_record(struct agent* agent, const char* task, const char* type,
                       const char* parent) {
  char unique[17], stamp[32];
  const time_t now = time(NULL);
  struct tm utc;
  gmtime_r(&now, &utc);
  memset(agent, 0, sizeof *agent);
  strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", &utc);
  strftime(agent->created, sizeof agent->created, "%Y-%m-%dT%H:%M:%SZ", &utc);
  random_hex(unique, 6);
  snprintf(agent->id, sizeof agent->id, "%.48s-%.20s-%s", type, stamp, unique);
  random_hex(agent->attempt, 8);
  put_text(agent->task, NAME_BYTES, task);
  put_text(agent->type, NAME_BYTES, type);
  put_text(agent->parent, NAME_BYTES, parent);
  agent->depth = 1;
  agent->version = 1;
}

static int init(int history) {
  struct registry* registry = calloc(1, sizeof *registry);
  char temporary[PATH_BYTES];
  if (registry == NULL || (mkdir(workspace_path, 0700) != 0 && errno != EEXIST))
    return fail(workspace_path);
  random_hex(registry->workspace_id, 8);
  for (; registry->count < history && registry->count < AGENTS_MAX; ++registry->count) {
    char type[32];
    snprintf(type, sizeof type, "past%d", registry->count);
    struct agent* agent = &registry->agents[registry->count];
    new_record(agent, "TASK-A", type, ROOT);
    put_text(agent->status, sizeof agent->status, "completed");
  }
  char* text = render(registry);
  temporary_for(registry_path, temporary);
  const int made = write_synced(temporary, text) == 0 && link(temporary, backup_path) == 0 &&
                   rename(temporary, registry_path) == 0 && sync_folder() == 0;
  free(text);
  free(registry);
  return made ? DONE : fail("cannot make the registry");
}

/* Spawn */

static int set_depth(struct registry* registry, struct agent* agent) {
  if (strcmp(agent->parent, ROOT) == 0) return DONE;
  const struct agent* above = find(registry, agent->parent);
  if (above == NULL || strcmp(above->task, agent->task) != 0 || !is_confirmable(above)) {
    return refuse("this parent cannot have it");
  }
  agent->depth = above->depth + 1;
  return agent->depth <= DEPTH_MAX ? DONE : refuse("too deep");
}

static int intend(struct registry* registry, void* context) {
  struct request* request = context;
  struct agent* agent = &request->agent;
  new_record(agent, request->task, request->type, request->parent);
  const int admitted = set_depth(registry, agent);
  if (admitted != DONE) return admitted;
  if (registry->count >= AGENTS_MAX) return refuse("there are too many records");
  put_text(agent->status, sizeof agent->status, "starting");
  agent->owner = identity(getpid());
  put_text(request->workspace_id, NAME_BYTES, registry->workspace_id);
  memmove(registry->agents + 1, registry->agents,
          (size_t)registry->count * sizeof *registry->agents);
  registry->agents[0] = *agent; /* newest first */
  ++registry->count;
  return DONE;
}

static void adopt(struct agent* record, const struct session* session) {
  record->session = identity(session->pid);
  record->server = identity(session->server);
  record->owner = (struct process){0, 0};
  touch(record, strcmp(record->status, "starting") == 0 ? "running" : record->status);
}

static struct agent* same_attempt(struct registry* registry, const struct agent* agent) {
  struct agent* record = find(registry, agent->id);
  const int same =
      record != NULL && strcmp(record->attempt, agent->attempt) == 0 && is_confirmable(record);
  return same ? record : NULL;
}

static int confirm(struct registry* registry, void* context) {
  struct request* request = context;
  struct agent* record = same_attempt(registry, &request->agent);
  errno = 0;
  if (record == NULL) return fail("the agent was given up");
  adopt(record, &request->session);
  return DONE;
}

static void end_record(struct agent* record, const char* status) {
  record->owner = (struct process){0, 0};
  touch(record, status);
}

static int give_up(struct registry* registry, void* context) {
  struct agent* record = same_attempt(registry, &((struct request*)context)->agent);
  if (record != NULL) end_record(record, "failed");
  return DONE;
}

/* Where execvp(3) finds `claude`. */
static int find_program(char* out, size_t size) {
  const char* at = getenv("PATH");
  while (at != NULL && *at != '\0') {
    const size_t length = strcspn(at, ":");
    snprintf(out, size, "%.*s/claude", (int)length, at);
    if (access(out, X_OK) == 0) return DONE;
    at += length + (at[length] == ':');
  }
  return fail("there is no program claude on PATH");
}

static int start(struct request* request) {
  char program[PATH_BYTES], self[PATH_BYTES] = "", name[NAME_BYTES + 8];
  if (find_program(program, sizeof program) != DONE) return FAILED;
  if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) return fail("/proc/self/exe");
  snprintf(name, sizeof name, "agent_%s", request->agent.id);
  char* const command[] = {
      self, "gate", workspace_path, request->agent.id, request->agent.attempt, program, NULL};
  return create_session(name, request->workspace_id, request->agent.attempt, command,
                        &request->session);
}

static int spawn(const char* task, const char* type, const char* parent) {
  struct request request = {.task = task, .type = type, .parent = *parent == '\0' ? ROOT : parent};
  if (!is_word(task, LETTERS) || !is_word(type, LETTERS)) return refuse("no names");
  const int intended = transact(intend, &request);
  if (intended != DONE) return intended;
  if (start(&request) != DONE || transact(confirm, &request) != DONE) {
    transact(give_up, &request);
    end_attempt(request.agent.attempt);
    return FAILED;
  }
  printf("{\"agent_id\": \"%s\", \"tmux_session\": \"agent_%s\"}\n", request.agent.id,
         request.agent.id);
  return DONE;
}

static int may_run(struct registry* registry, void* context) {
  return same_attempt(registry, &((struct request*)context)->agent) != NULL ? DONE : GATE_CLOSED;
}

static int gate(const char* id, const char* attempt, char* program) {
  struct request request = {.task = NULL};
  put_text(request.agent.id, NAME_BYTES, id);
  put_text(request.agent.attempt, NAME_BYTES, attempt);
  if (transact(may_run, &request) != DONE) return GATE_CLOSED;
  setenv("AGENT_ID", id, 1);
  execl(program, program, (char*)NULL);
  return fail(program);
}

/* Update, kill, list */

static int report(struct registry* registry, void* context) {
  const struct request* request = context;
  struct agent* record = find(registry, request->id);
  if (record == NULL || !is_confirmable(record) || strcmp(record->status, "starting") == 0) {
    return refuse("there is no such agent to report of");
  }
  if (*request->progress != '\0') record->progress = atoi(request->progress);
  if (*request->message != '\0')
    put_text(record->message, sizeof record->message, request->message);
  touch(record, *request->status != '\0' ? request->status : record->status);
  return DONE;
}

static int update(const char* id, const char* status, const char* progress, const char* message) {
  struct request request = {.id = id, .status = status, .progress = progress, .message = message};
  static const char* const allowed[] = {"", "running", "working", "blocked", "completed", "error"};
  int known = 0;
  for (size_t i = 0; i < sizeof allowed / sizeof *allowed; ++i)
    known |= strcmp(status, allowed[i]) == 0;
  if (!known) return refuse("agents do not report themselves so");
  if (*progress != '\0' && !is_word(progress, "0123456789")) return refuse("progress is a number");
  if (strcspn(message, "\"\\\n\r\t") != strlen(message) || strlen(message) > 200)
    return refuse("message");
  const int reported = transact(report, &request);
  if (reported == DONE) puts("{\"updated\": true}");
  return reported;
}

static int claim(struct registry* registry, void* context) {
  struct request* request = context;
  struct agent* record = find(registry, request->id);
  if (record == NULL || !is_active(record) ||
      (!is_confirmable(record) && is_alive(record->owner))) {
    return refuse("there is no such agent to stop");
  }
  record->owner = identity(getpid());
  touch(record, "stopping");
  request->agent = *record;
  return DONE;
}

static int terminate(struct registry* registry, void* context) {
  const struct agent* claimed = context;
  struct agent* record = find(registry, claimed->id);
  if (record != NULL && record->version == claimed->version) end_record(record, "terminated");
  return DONE;
}

/* `stopping` still holds its slot; it ends once nothing of the agent lives. */
static int stop(struct agent* claimed) {
  if (end_attempt(claimed->attempt) != DONE || end_process(claimed->session, 0) != DONE)
    return FAILED;
  return transact(terminate, claimed);
}

static int kill_agent(const char* id) {
  struct request request = {.id = id};
  const int claimed = transact(claim, &request);
  if (claimed != DONE) return claimed;
  if (stop(&request.agent) != DONE) return FAILED;
  printf("{\"agent_id\": \"%s\"}\n", id);
  return DONE;
}

static int list(void) {
  struct registry* registry = malloc(sizeof *registry);
  char* text = NULL;
  const int loaded = registry == NULL ? FAILED : load(registry, &text);
  if (loaded == DONE) fputs(text, stdout);
  free(text);
  free(registry);
  return loaded;
}

#include "repair.h"

static int dispatch(const char* command, int count, char** words) {
  char* word[4] = {"", "", "", ""};
  for (int i = 0; i < count && i < 4; ++i) word[i] = words[i];
  const int dry_run = strcmp(word[0], "--dry-run") == 0;
  if (strcmp(command, "init") == 0) return init(atoi(word[0]));
  if (strcmp(command, "spawn") == 0) return spawn(word[0], word[1], word[2]);
  if (strcmp(command, "update") == 0) return update(word[0], word[1], word[2], word[3]);
  if (strcmp(command, "kill") == 0) return kill_agent(word[0]);
  if (strcmp(command, "list") == 0) return list();
  if (strcmp(command, "gate") == 0) return gate(word[0], word[1], word[2]);
  if (strcmp(command, "validate") == 0) return repair(1);
  if (strcmp(command, "repair") == 0) return repair(dry_run);
  return USAGE;
}

int main(int argc, char** argv) {
  if (argc < 3) return USAGE;
  snprintf(workspace_path, sizeof workspace_path, "%s", argv[2]);
  snprintf(registry_path, sizeof registry_path, "%s/registry.json", workspace_path);
  snprintf(backup_path, sizeof backup_path, "%s/registry.json.backup", workspace_path);
  snprintf(lock_path, sizeof lock_path, "%s/registry.lock", workspace_path);
  const int result = dispatch(argv[1], argc - 3, argv + 3);
  if (fflush(stdout) != 0 && result == DONE) return fail("standard output");
  return result;
}
