/* Sessions of agents in tmux, and the processes in them.
 *
 * A session is made and marked by one client call. tmux matches names by prefix unless told
 * `=name`. A text that is not known never means that something is dead. */

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define FORMAT "#{session_name}|#{pid}|#{pane_pid}|#{pane_dead}|#{@orc_workspace}|#{@orc_attempt}"

enum { SESSIONS_MAX = 4096, HANGUP_MS = 3000, KILL_MS = 10000 };

struct session {
  char name[NAME_BYTES + 8], workspace_id[NAME_BYTES], attempt[NAME_BYTES];
  int server, pid, dead;
};

struct listing {
  int count;
  struct session sessions[SESSIONS_MAX];
};

static int create_session(const char* name, const char* workspace_id, const char* attempt,
                          char* const command[], struct session* made);

static long long start_of(int pid) {
  char path[64], stat[1024] = "";
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE* file = fopen(path, "re");
  if (file == NULL) return 0;
  const size_t size = fread(stat, 1, sizeof stat - 1, file);
  fclose(file);
  stat[size] = '\0';
  const char* at = strrchr(stat, ')'); /* the name before it may hold anything */
  if (at == NULL || at[2] == 'Z' || at[2] == 'X') return 0;
  for (int field = 2; field < 22 && at != NULL; ++field) at = strchr(at + 1, ' ');
  return at == NULL ? 0 : strtoll(at, NULL, 10);
}

static struct process identity(int pid) { return (struct process){pid, start_of(pid)}; }

static int is_alive(struct process process) {
  return process.start != 0 && start_of(process.pid) == process.start;
}

/* Waits so long for its end, then kills it, by pidfd: whoever gets its pid meanwhile is not hit. */
static int end_process(struct process process, int patience_ms) {
  if (process.pid <= 0) return DONE;
  const int fd = (int)syscall(SYS_pidfd_open, process.pid, 0);
  if (fd < 0) return errno == ESRCH ? DONE : fail("pidfd_open");
  struct pollfd ended = {fd, POLLIN, 0};
  int result = DONE;
  if (is_alive(process) && poll(&ended, 1, patience_ms) == 0) {
    syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
    if (poll(&ended, 1, KILL_MS) <= 0) result = fail("a process does not end");
  }
  close(fd);
  return result;
}

/* Runs tmux. Its exit code, or -1; `out` has what it printed, errors included. */
static int tmux(char* const argv[], char* out, size_t size) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  const pid_t child = fork();
  if (child == 0) {
    const int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, 0) < 0 || dup2(ends[1], 1) < 0 || dup2(ends[1], 2) < 0) _exit(127);
    execvp("tmux", argv);
    _exit(127);
  }
  close(ends[1]);
  size_t used = 0;
  for (ssize_t got; child > 0 && used < size - 1;) {
    got = read(ends[0], out + used, size - 1 - used);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    used += (size_t)got;
  }
  out[used] = '\0';
  close(ends[0]);
  int status = 0;
  while (child > 0 && waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int begins(const char* text, const char* prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int no_server(const char* error) {
  return begins(error, "no server running on") ||
         (begins(error, "error connecting to") && strstr(error, "No such file") != NULL);
}

static int parse_session(char* line, struct session* session) {
  char *field[6], *rest = line;
  for (int i = 0; i < 6; ++i) {
    field[i] = strsep(&rest, "|");
    if (field[i] == NULL) return -1;
  }
  put_text(session->name, sizeof session->name, field[0]);
  session->server = atoi(field[1]);
  session->pid = atoi(field[2]);
  session->dead = atoi(field[3]);
  put_text(session->workspace_id, NAME_BYTES, field[4]);
  put_text(session->attempt, NAME_BYTES, field[5]);
  return 0;
}

/* All sessions, none where no server runs. FAILED: nothing is known. */
static int list_sessions(struct listing* listing) {
  char* const argv[] = {"tmux", "-N", "list-panes", "-a", "-F", FORMAT, NULL};
  char* out = malloc(TEXT_BYTES_MAX);
  if (out == NULL) return fail("memory");
  listing->count = 0;
  int result = FAILED;
  for (int tries = 0; tries < 3 && result == FAILED; ++tries) {
    const int code = tmux(argv, out, TEXT_BYTES_MAX);
    if (code == 0 || (code > 0 && no_server(out))) result = DONE;
    char* rest = out;
    for (char* line; code == 0 && (line = strsep(&rest, "\n")) != NULL && *line != '\0';) {
      if (listing->count >= SESSIONS_MAX) break;
      if (parse_session(line, &listing->sessions[listing->count]) == 0) ++listing->count;
    }
    if (result == FAILED) usleep(200000);
  }
  free(out);
  errno = 0;
  return result == DONE ? DONE : fail("tmux does not say what is there");
}

static struct session* session_named(struct listing* listing, const char* name) {
  for (int i = 0; i < listing->count; ++i) {
    if (strcmp(listing->sessions[i].name, name) == 0) return &listing->sessions[i];
  }
  return NULL;
}

/* Kills the session and waits for its process, which may ignore its hang-up. */
static int end_session(const struct session* session) {
  char target[NAME_BYTES + 16], out[1024];
  snprintf(target, sizeof target, "=%s", session->name);
  char* const argv[] = {"tmux", "-N", "kill-session", "-t", target, NULL};
  const struct process process = identity(session->pid);
  const int code = tmux(argv, out, sizeof out);
  const int known = begins(out, "can't find session") || begins(out, "no current target") ||
                    begins(out, "server exited") || no_server(out);
  if (code < 0 || (code > 0 && !known)) return fail("tmux kill-session");
  return end_process(process, HANGUP_MS);
}

static int end_attempt(const char* attempt) {
  struct listing* listing = malloc(sizeof *listing);
  int result = listing == NULL ? FAILED : list_sessions(listing);
  for (int i = 0; result == DONE && i < listing->count; ++i) {
    if (strcmp(listing->sessions[i].attempt, attempt) == 0)
      result = end_session(&listing->sessions[i]);
  }
  free(listing);
  return result;
}

#ifndef FLAW_CREATE_SESSION
static int create_session(const char* name, const char* workspace_id, const char* attempt,
                          char* const command[], struct session* made) {
  char target[NAME_BYTES + 16], out[4096];
  snprintf(target, sizeof target, "=%s:", name);
  char* argv[48] = {"tmux",      "new-session", "-d", "-P", "-F", FORMAT, "-s",
                    (char*)name, "-x",          "80", "-y", "24", "--"};
  int at = 13;
  for (int i = 0; command[i] != NULL && at < 32; ++i) argv[at++] = command[i];
  char* const marks[] = {";", "set-option", "-t", target, "@orc_workspace", (char*)workspace_id,
                         ";", "set-option", "-t", target, "@orc_attempt",   (char*)attempt,
                         NULL};
  memcpy(argv + at, marks, sizeof marks);
  errno = 0;
  if (tmux(argv, out, sizeof out) != 0) return fail(out);
  out[strcspn(out, "\n")] = '\0';
  return parse_session(out, made) == 0 ? DONE : fail("tmux new-session");
}
#endif
