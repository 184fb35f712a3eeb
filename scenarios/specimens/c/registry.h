/* The registry: one JSON file with an agent a line, changed by one transaction at a time.
 *
 * A transaction is: lock, read once, decide, write once. The lock is a flock on a file of its own
 * that is never deleted. A commit is a temporary file, fsync, rename, fsync of the folder. What
 * cannot be read is never taken for empty: only restore() replaces it. Each line is as render()
 * writes it.
 *
 * A specimen may replace a function: it defines FLAW_… before it includes this, and writes its own.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DONE = 0, FAILED = 1, USAGE = 2, REFUSED = 3, CHANGED = 4, GATE_CLOSED = 75 };
enum { AGENTS_MAX = 4096, TEXT_BYTES_MAX = 4 << 20, NAME_BYTES = 96, PATH_BYTES = 4096 };

/* The start time tells a process from a later one of the same pid; 0: there is none. */
struct process {
  int pid;
  long long start;
};

struct agent {
  char id[NAME_BYTES], task[NAME_BYTES], type[NAME_BYTES], parent[NAME_BYTES], status[16];
  char message[256], attempt[NAME_BYTES], created[32];
  int depth, progress;
  long long version;
  struct process session, server, owner;
};

struct registry {
  char workspace_id[NAME_BYTES];
  int count;
  struct agent agents[AGENTS_MAX]; /* newest first */
};

typedef int (*change)(struct registry* registry, void* context);

static char registry_path[PATH_BYTES], backup_path[PATH_BYTES], lock_path[PATH_BYTES];
static char workspace_path[PATH_BYTES - 64];

static int lock(void);
static void unlock(int fd);
static int load(struct registry* registry, char** stored);
static int save(const char* text);
static int keep_backup(void);

static int fail(const char* what) {
  fprintf(stderr, "failed: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
  return FAILED;
}

static int refuse(const char* what) {
  fprintf(stderr, "refused: %s\n", what);
  return REFUSED;
}

static void random_hex(char* out, size_t bytes) {
  unsigned char raw[16];
  if (getrandom(raw, bytes, 0) != (ssize_t)bytes) exit(fail("getrandom"));
  for (size_t i = 0; i < bytes; ++i) sprintf(out + 2 * i, "%02x", raw[i]);
}

static int is_active(const struct agent* agent) {
  static const char* const active[] = {"starting", "running", "working", "blocked", "stopping"};
  for (size_t i = 0; i < sizeof active / sizeof *active; ++i) {
    if (strcmp(agent->status, active[i]) == 0) return 1;
  }
  return 0;
}

static int is_confirmable(const struct agent* agent) {
  return is_active(agent) && strcmp(agent->status, "stopping") != 0;
}

static struct agent* find(struct registry* registry, const char* id) {
  for (int i = 0; i < registry->count; ++i) {
    if (strcmp(registry->agents[i].id, id) == 0) return &registry->agents[i];
  }
  return NULL;
}

static void put_text(char* out, size_t size, const char* text) { snprintf(out, size, "%s", text); }

static void touch(struct agent* agent, const char* status) {
  put_text(agent->status, sizeof agent->status, status);
  ++agent->version;
}

/* The whole registry as text. Counts are derived at each commit, never kept by hand. */
static char* render(const struct registry* registry) {
  char* text = NULL;
  size_t size = 0;
  FILE* out = open_memstream(&text, &size);
  if (out == NULL) exit(fail("memory"));
  int active = 0;
  for (int i = 0; i < registry->count; ++i) active += is_active(&registry->agents[i]);
  fprintf(out,
          "{\"workspace_id\": \"%s\", \"active_count\": %d, \"ended_count\": %d, "
          "\"total_spawned\": %d, \"agents\": [\n",
          registry->workspace_id, active, registry->count - active, registry->count);
  for (int i = 0; i < registry->count; ++i) {
    const struct agent* a = &registry->agents[i];
    fprintf(
        out,
        "%s{\"id\": \"%s\", \"task\": \"%s\", \"type\": \"%s\", \"parent\": \"%s\", \"depth\": %d, "
        "\"status\": \"%s\", \"progress\": %d, \"message\": \"%s\", \"version\": %lld, "
        "\"tmux_session\": \"agent_%s\", ",
        i == 0 ? "" : ",", a->id, a->task, a->type, a->parent, a->depth, a->status, a->progress,
        a->message, a->version, a->id);
    if (a->session.pid == 0) {
      fprintf(out, "\"pid\": null, ");
    } else {
      fprintf(out, "\"pid\": %d, ", a->session.pid);
    }
    fprintf(out,
            "\"start\": %lld, \"server\": %d, \"server_start\": %lld, \"owner\": %d, "
            "\"owner_start\": %lld, \"attempt\": \"%s\", \"created_at\": \"%s\"}\n",
            a->session.start, a->server.pid, a->server.start, a->owner.pid, a->owner.start,
            a->attempt, a->created);
  }
  fprintf(out, "]}\n");
  if (fclose(out) != 0) exit(fail("memory"));
  return text;
}

static const char* member(const char* line, const char* name) {
  char key[64];
  snprintf(key, sizeof key, "\"%s\": ", name);
  const char* found = strstr(line, key);
  return found == NULL ? NULL : found + strlen(key);
}

static int read_text(const char* line, const char* name, char* out, size_t size) {
  const char* value = member(line, name);
  if (value == NULL || *value != '"') return -1;
  const size_t length = strcspn(value + 1, "\"");
  if (length >= size) return -1;
  memcpy(out, value + 1, length);
  out[length] = '\0';
  return 0;
}

static long long read_number(const char* line, const char* name) {
  const char* value = member(line, name);
  return value == NULL ? 0 : strtoll(value, NULL, 10); /* null is 0 */
}

static int parse_agent(const char* line, struct agent* a) {
  a->depth = (int)read_number(line, "depth");
  a->progress = (int)read_number(line, "progress");
  a->version = read_number(line, "version");
  a->session = (struct process){(int)read_number(line, "pid"), read_number(line, "start")};
  a->server = (struct process){(int)read_number(line, "server"), read_number(line, "server_start")};
  a->owner = (struct process){(int)read_number(line, "owner"), read_number(line, "owner_start")};
  return read_text(line, "id", a->id, sizeof a->id) |
         read_text(line, "task", a->task, sizeof a->task) |
         read_text(line, "type", a->type, sizeof a->type) |
         read_text(line, "parent", a->parent, sizeof a->parent) |
         read_text(line, "status", a->status, sizeof a->status) |
         read_text(line, "message", a->message, sizeof a->message) |
         read_text(line, "attempt", a->attempt, sizeof a->attempt) |
         read_text(line, "created_at", a->created, sizeof a->created);
}

/* Takes `text` apart. What is not exactly as render() would write it is damaged. */
static int parse(const char* text, struct registry* registry) {
  char* lines = strdup(text);
  int sound =
      lines != NULL && read_text(text, "workspace_id", registry->workspace_id, NAME_BYTES) == 0;
  registry->count = 0;
  char* rest = lines;
  if (sound) strsep(&rest, "\n");
  for (char* line; sound && (line = strsep(&rest, "\n")) != NULL && strcmp(line, "]}") != 0;) {
    sound = registry->count < AGENTS_MAX &&
            parse_agent(line, &registry->agents[registry->count++]) == 0;
  }
  /* Counts may be wrong, which is for repair to say; so only what follows them is compared. */
  char* again = sound ? render(registry) : NULL;
  const char* agents = again == NULL ? NULL : strchr(again, '\n');
  const char* stored = strchr(text, '\n');
  sound = agents != NULL && stored != NULL && strcmp(agents, stored) == 0;
  free(again);
  free(lines);
  errno = 0;
  return sound ? DONE : fail("the registry is damaged: run repair");
}

/* The file's bytes, ended by NUL; NULL: they cannot be read. */
static char* read_all(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return NULL;
  char* text = malloc(TEXT_BYTES_MAX);
  size_t size = 0;
  ssize_t got = 1;
  while (text != NULL && got > 0 && size < TEXT_BYTES_MAX - 1) {
    got = read(fd, text + size, TEXT_BYTES_MAX - 1 - size);
    if (got > 0) size += (size_t)got;
  }
  close(fd);
  if (text == NULL || got < 0) {
    free(text);
    return NULL;
  }
  text[size] = '\0';
  return text;
}

#ifndef FLAW_LOCK
static int lock(void) {
  const int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  while (fd >= 0 && flock(fd, LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    close(fd);
    return -1;
  }
  return fd;
}
#endif

#ifndef FLAW_UNLOCK
static void unlock(int fd) {
  flock(fd, LOCK_UN);
  close(fd);
}
#endif

#ifndef FLAW_LOAD
/* Also the text as it stands, which is the caller's to free; NULL where it fails. */
static int load(struct registry* registry, char** stored) {
  *stored = read_all(registry_path);
  if (*stored == NULL) return fail(registry_path);
  const int loaded = parse(*stored, registry);
  if (loaded != DONE) {
    free(*stored);
    *stored = NULL;
  }
  return loaded;
}
#endif

static int sync_folder(void) {
  const int fd = open(workspace_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  const int synced = fsync(fd);
  close(fd);
  return synced;
}

static void temporary_for(const char* path, char* out) {
  char unique[17];
  random_hex(unique, 4);
  snprintf(out, PATH_BYTES, "%s.tmp-%d-%s", path, (int)getpid(), unique);
}

static int write_synced(const char* path, const char* text) {
  const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  size_t left = strlen(text);
  while (left > 0) {
    const ssize_t wrote = write(fd, text, left);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) break;
    text += wrote;
    left -= (size_t)wrote;
  }
  const int synced = left > 0 ? -1 : fsync(fd);
  return close(fd) | synced;
}

#ifndef FLAW_BACKUP
/* Whoever saves has read the current file, so it is sound. */
static int keep_backup(void) {
  char second_name[PATH_BYTES];
  temporary_for(backup_path, second_name);
  const int kept = link(registry_path, second_name) | rename(second_name, backup_path);
  /* After a save that failed later the backup is this file already, and rename(2) leaves both
   * names. */
  unlink(second_name);
  return kept;
}
#endif

#ifndef FLAW_SAVE
static int save(const char* text) {
  char temporary[PATH_BYTES];
  temporary_for(registry_path, temporary);
  if (write_synced(temporary, text) != 0 || keep_backup() != 0 ||
      rename(temporary, registry_path) != 0) {
    fail("cannot save the registry");
    unlink(temporary);
    return FAILED;
  }
  return sync_folder() == 0 ? DONE : fail("cannot sync the folder");
}
#endif

/* Calls `apply` under the lock, and saves what it changed if it returns DONE. */
static int transact(change apply, void* context) {
  const int held = lock();
  if (held < 0) return fail(lock_path);
  struct registry* registry = malloc(sizeof *registry);
  char* stored = NULL;
  int result = registry == NULL ? fail("memory") : load(registry, &stored);
  if (result == DONE) result = apply(registry, context);
  char* text = result == DONE ? render(registry) : NULL;
  if (text != NULL && strcmp(text, stored) != 0) result = save(text);
  free(text);
  free(stored);
  free(registry);
  unlock(held);
  return result;
}

/* The damaged file is set aside, the last good one takes its place. Under the lock. */
static int restore(void) {
  struct registry* registry = malloc(sizeof *registry);
  char* text = read_all(backup_path);
  if (registry == NULL || text == NULL) return fail(backup_path);
  char aside[PATH_BYTES + 32], temporary[PATH_BYTES], unique[17];
  random_hex(unique, 4);
  snprintf(aside, sizeof aside, "%s.damaged-%s", registry_path, unique);
  temporary_for(registry_path, temporary);
  int result = parse(text, registry);
  char* sound = result == DONE ? render(registry) : NULL;
  if (sound != NULL && ((link(registry_path, aside) != 0 && errno != ENOENT) ||
                        write_synced(temporary, sound) != 0 ||
                        rename(temporary, registry_path) != 0 || sync_folder() != 0)) {
    result = fail("cannot restore the registry");
  }
  free(sound);
  free(text);
  free(registry);
  return result;
}

/* Temporary files: whoever has the lock knows that their writers are dead. Returns how many. */
static int leftovers(int and_remove) {
  DIR* folder = opendir(workspace_path);
  if (folder == NULL) return 0;
  int found = 0;
  for (struct dirent* entry; (entry = readdir(folder)) != NULL;) {
    if (strncmp(entry->d_name, "registry.json", 13) != 0 || strstr(entry->d_name, ".tmp-") == NULL)
      continue;
    ++found;
    if (and_remove) unlinkat(dirfd(folder), entry->d_name, 0);
  }
  closedir(folder);
  return found;
}
