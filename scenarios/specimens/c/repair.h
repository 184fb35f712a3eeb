/* What is wrong between the registry and the sessions, and how it is put right.
 *
 * The sessions are listed before and after the registry is read: a session of the first listing has
 * had its record by then, a record without one in the second has lost it. */

enum kind { GHOST, ADOPT, FINISH, ORPHAN, RECOUNT, SWEEP };
enum { FINDINGS_MAX = AGENTS_MAX + SESSIONS_MAX };

struct finding {
  enum kind kind;
  struct agent agent; /* as it was diagnosed */
  struct session session;
};

struct findings {
  int count;
  struct finding all[FINDINGS_MAX];
};

static int is_ours(const struct session* session, const struct registry* registry);

#ifndef FLAW_IS_OURS
static int is_ours(const struct session* session, const struct registry* registry) {
  return strcmp(session->workspace_id, registry->workspace_id) == 0;
}
#endif

static void add(struct findings* findings, enum kind kind, const struct agent* agent,
                const struct session* session) {
  if (findings->count >= FINDINGS_MAX) return;
  struct finding* finding = &findings->all[findings->count++];
  finding->kind = kind;
  if (agent != NULL) finding->agent = *agent;
  if (session != NULL) finding->session = *session;
}

/* Whether a confirmed agent's session is certainly gone. */
static int is_gone(const struct agent* agent, const struct session* session,
                   const struct listing* after) {
  if (session != NULL && session->pid == agent->session.pid && is_alive(agent->session)) return 0;
  for (int i = 0; i < after->count; ++i) {
    if (after->sessions[i].server == agent->server.pid) return 1;
  }
  return !is_alive(agent->server); /* else it lives on behind a socket that somebody removed */
}

static void diagnose_agent(struct findings* findings, const struct agent* agent,
                           struct listing* after) {
  char name[NAME_BYTES + 8];
  snprintf(name, sizeof name, "agent_%s", agent->id);
  const struct session* session = session_named(after, name);
  if (!is_active(agent) || is_alive(agent->owner)) return;
  if (!is_confirmable(agent)) {
    add(findings, FINISH, agent, NULL);
  } else if (agent->session.pid != 0) {
    if (is_gone(agent, session, after)) add(findings, GHOST, agent, NULL);
  } else if (session != NULL && !session->dead && strcmp(session->attempt, agent->attempt) == 0) {
    add(findings, ADOPT, agent, session);
  } else {
    add(findings, GHOST, agent, NULL);
  }
}

static int is_wanted(const struct registry* registry, const struct session* session) {
  for (int i = 0; i < registry->count; ++i) {
    const struct agent* agent = &registry->agents[i];
    if (is_active(agent) && strcmp(agent->attempt, session->attempt) == 0) return 1;
  }
  return 0;
}

static void diagnose(struct findings* findings, const struct registry* registry, const char* stored,
                     struct listing* before, struct listing* after) {
  findings->count = 0;
  for (int i = 0; i < registry->count; ++i) diagnose_agent(findings, &registry->agents[i], after);
  for (int i = 0; i < after->count; ++i) {
    const struct session* session = &after->sessions[i];
    const struct session* earlier = session_named(before, session->name);
    if (earlier == NULL || earlier->pid != session->pid) continue;
    if (is_ours(session, registry) && !is_wanted(registry, session))
      add(findings, ORPHAN, NULL, session);
  }
  char* counted = render(registry);
  if (strcmp(counted, stored) != 0) add(findings, RECOUNT, NULL, NULL);
  free(counted);
  if (leftovers(0) > 0) add(findings, SWEEP, NULL, NULL);
}

static int examine(struct findings* findings) {
  struct registry* registry = malloc(sizeof *registry);
  struct listing *before = malloc(sizeof *before), *after = malloc(sizeof *after);
  char* stored = NULL;
  int result =
      registry == NULL || before == NULL || after == NULL ? fail("memory") : list_sessions(before);
  if (result == DONE) result = load(registry, &stored);
  if (result == DONE) result = list_sessions(after);
  if (result == DONE) diagnose(findings, registry, stored, before, after);
  free(stored);
  free(after);
  free(before);
  free(registry);
  return result;
}

static int mend(struct registry* registry, void* context) {
  struct finding* finding = context;
  struct agent* record = find(registry, finding->agent.id);
  if (record == NULL || record->version != finding->agent.version) return CHANGED;
  if (finding->kind == ADOPT) {
    adopt(record, &finding->session);
  } else if (finding->kind == FINISH) {
    record->owner = identity(getpid());
    touch(record, "stopping");
  } else {
    end_record(record, "failed");
  }
  finding->agent = *record;
  return DONE;
}

static int recount(struct registry* registry, void* context) {
  (void)registry; /* it is counted when it is saved */
  (void)context;
  return DONE;
}

static int sweep(struct registry* registry, void* context) {
  (void)registry;
  (void)context;
  leftovers(1);
  return DONE;
}

/* A ghost's process ends before its record: later nobody would look for it. */
static int apply(struct finding* finding) {
  if (finding->kind == ORPHAN) return end_session(&finding->session);
  if (finding->kind == RECOUNT) return transact(recount, NULL);
  if (finding->kind == SWEEP) return transact(sweep, NULL);
  if (finding->kind == GHOST && end_process(finding->agent.session, 0) != DONE) return FAILED;
  const int mended = transact(mend, finding);
  if (mended != DONE || finding->kind == ADOPT) return mended;
  return finding->kind == FINISH ? stop(&finding->agent) : end_attempt(finding->agent.attempt);
}

/* 1: it is damaged or absent. 0: it is sound. -1: nobody knows. */
static int is_damaged(void) {
  struct registry* registry = malloc(sizeof *registry);
  char* text = read_all(registry_path);
  int damaged = errno == ENOENT ? 1 : -1;
  if (registry != NULL && text != NULL) damaged = parse(text, registry) != DONE;
  free(text);
  free(registry);
  return damaged;
}

static int restore_if_damaged(void) {
  const int held = lock();
  if (held < 0) return fail(lock_path);
  const int damaged = is_damaged();
  const int result = damaged == 1 ? restore() : damaged;
  unlock(held);
  return result;
}

static int repair(int dry_run) {
  const int damaged = is_damaged();
  if (damaged < 0) return fail(registry_path);
  if (damaged && dry_run) {
    puts("{\"repaired\": 1}");
    return DONE;
  }
  if (damaged && restore_if_damaged() != DONE) return FAILED;
  struct findings* findings = malloc(sizeof *findings);
  if (findings == NULL || examine(findings) != DONE) return FAILED;
  int repaired = damaged, failed = 0;
  for (int i = 0; i < findings->count; ++i) {
    const int result = dry_run ? DONE : apply(&findings->all[i]);
    repaired += result == DONE;
    failed += result != DONE && result != CHANGED;
  }
  free(findings);
  if (failed > 0) return FAILED;
  printf("{\"repaired\": %d}\n", repaired);
  return DONE;
}
