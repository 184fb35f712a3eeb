"""What is wrong between the registry and the sessions, and how each finding is put right."""

import copy

from registry import ACTIVE
from sessions import identity, kill_process


class Finding:
    """`prepare` acts before the record is changed, `mend` within the transaction, by compare and
    set, and `finish` after it. What became different meanwhile is left alone."""

    def __init__(self, orchestrator, text, agent=None):
        self.orchestrator, self.text, self.agent = orchestrator, text, agent

    def prepare(self):
        pass

    def mend(self, document):
        return True

    def finish(self):
        pass

    def same(self, document):
        """The record, if it still is what was diagnosed."""
        for record in document["agents"]:
            if record["id"] == self.agent["id"]:
                seen = ("status", "attempt", "owner", "process")
                return record if all(record[key] == self.agent[key] for key in seen) else None
        return None


class Recount(Finding):
    """Each commit counts anew."""


class Sweep(Finding):
    def finish(self):
        self.orchestrator.registry.sweep()


class Orphan(Finding):
    """A session of this workspace that no active record has."""

    def __init__(self, orchestrator, text, session):
        super().__init__(orchestrator, text)
        self.session = session

    def finish(self):
        self.orchestrator.tmux.end(self.session)


class Ghost(Finding):
    """An active record without a session that lives. A process that outlived its session ends first:
    were the record ended before it, nobody would look for the process again. A session may still
    come, where the spawner was killed, but to a closed gate."""

    def prepare(self):
        if self.agent["process"] is not None:
            kill_process(self.agent["process"])

    def mend(self, document):
        record = self.same(document)
        if record is not None:
            self.orchestrator.touch(record, status="failed", owner=None)
        return record is not None

    def finish(self):
        self.orchestrator.end_attempt(self.agent)


class Adopt(Finding):
    """A record whose spawner died between session and commit."""

    def __init__(self, orchestrator, text, agent, session):
        super().__init__(orchestrator, text, agent)
        self.session = session

    def mend(self, document):
        record = self.same(document)
        if record is not None:
            self.orchestrator.confirm(record, identity(self.session.pid),
                                      identity(self.session.server))
        return record is not None


class FinishStop(Finding):
    """A kill whose killer died."""

    def mend(self, document):
        record = self.same(document)
        if record is not None:
            self.orchestrator.touch(record, owner=self.orchestrator.me())
            self.agent = dict(record)
        return record is not None

    def finish(self):
        self.orchestrator.stop(self.agent)


def diagnose(orchestrator, document, before, after):
    """`before` and `after`: the sessions, listed before and after the registry was read."""
    findings = []
    for agent in document["agents"]:
        if agent["status"] in ACTIVE:
            finding = diagnose_agent(orchestrator, agent, after)
            findings += [finding] if finding else []
    findings += diagnose_orphans(orchestrator, document, before, after)
    counted = copy.deepcopy(document)
    orchestrator.registry.count(counted)
    if counted != document:
        findings.append(Recount(orchestrator, "the counts are wrong"))
    if orchestrator.registry.leftovers():
        findings.append(Sweep(orchestrator, "temporary files of dead writers"))
    return findings


def diagnose_agent(orchestrator, agent, sessions):
    label = f"{agent['id']} is {agent['status']}"
    if orchestrator.owned(agent):
        return None
    if agent["status"] == "stopping":
        return FinishStop(orchestrator, f"{label}, and nobody is at it", agent)
    if agent["process"] is None:
        session = sessions.get(agent["tmux_session"])
        if session and session.attempt == agent["attempt"] and not session.dead:
            return Adopt(orchestrator, f"{label}, its spawner is dead", agent, session)
        return Ghost(orchestrator, f"{label}, its spawner is dead, it has no session", agent)
    if orchestrator.presence(agent, sessions) == "gone":
        return Ghost(orchestrator, f"{label} without its session", agent)
    return None


def diagnose_orphans(orchestrator, document, before, after):
    attempts = {agent["attempt"] for agent in document["agents"] if agent["status"] in ACTIVE}
    for name, session in after.items():
        ours = orchestrator.is_ours(session, document)
        if ours and before.get(name) == session and session.attempt not in attempts:
            yield Orphan(orchestrator, f"no active agent has session {name}", session)
