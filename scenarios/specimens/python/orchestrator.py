"""A small orchestrator of agents in tmux sessions: the correct one.

    orchestrator.py COMMAND WORKSPACE ...
    init [--max-concurrent=N] [--max-agents=N] [--max-depth=N] [--unique] [--history=N]
    spawn TASK TYPE [PARENT]         update AGENT [STATUS] [PROGRESS] [MESSAGE]
    kill AGENT      list      validate      repair [--dry-run]      gate AGENT ATTEMPT COMMAND

Replies are JSON. Exit codes: 0 done, 1 failed (may have had effects), 2 usage, 3 refused (no effect).

One spawn is intent, session, commit. The intent is a `starting` record with its owner and an attempt
of its own. The session's pane runs `gate`, which becomes the agent only if the record, read under the
lock, still has this attempt and is active: a session that appears after its spawner was killed and its
record given up runs nothing. The commit is a compare and set on status and attempt.
"""

import contextlib
import datetime
import json
import os
import re
import shutil
import sys

from diagnosis import diagnose
from registry import ACTIVE, CONFIRMABLE, Failed, Registry
from sessions import Tmux, alive, identity, kill_process

ROOT = "orchestrator"
REPORTABLE = ("running", "working", "blocked", "completed", "error")
GATE_CLOSED = 75


class Refused(Exception):
    """Declined, without any effect."""


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")


def find(document, agent_id):
    for agent in document["agents"]:
        if agent["id"] == agent_id:
            return agent
    raise Refused(f"there is no agent {agent_id}")


class Orchestrator:
    registry_kind = Registry
    tmux_kind = Tmux

    def __init__(self, workspace):
        self.workspace = os.path.abspath(workspace)
        self.registry = self.registry_kind(self.workspace)
        self.tmux = self.tmux_kind()

    # init

    def init(self, options):
        os.makedirs(self.workspace, exist_ok=True)
        limits = {"max_concurrent": int(options.get("--max-concurrent", 0)),
                  "max_agents": int(options.get("--max-agents", 0)),
                  "max_depth": int(options.get("--max-depth", 5)),
                  "unique_types": "--unique" in options}
        document = {"workspace_id": os.urandom(8).hex(), "limits": limits, "active_count": 0,
                    "ended_count": 0, "total_spawned": 0, "agents": []}
        for number in range(int(options.get("--history", 0))):
            agent = self.new_record(document, "TASK-A", f"past{number}", ROOT, 1)
            agent.update(status="completed", progress=100, owner=None)
            document["agents"].insert(0, agent)
        self.registry.create(document)
        return {"workspace": self.workspace}

    # spawn

    def spawn(self, task, kind, parent):
        agent = self.intend(task, kind, parent or ROOT)
        try:
            self.commit(agent, self.start(agent))
        except Exception as error:
            self.give_up(agent)
            raise Failed(f"agent {agent['id']} did not start: {error}") from error
        return {"agent_id": agent["id"], "tmux_session": agent["tmux_session"]}

    def intend(self, task, kind, parent):
        def change(document):
            depth = self.admit(document, task, kind, parent)
            agent = self.new_record(document, task, kind, parent, depth)
            document["agents"].insert(0, agent)  # newest first
            self.workspace_id = document["workspace_id"]
            return agent

        return self.registry.transact(change)

    def admit(self, document, task, kind, parent):
        """The new agent's depth. Raises Refused."""
        self.check_cap(document)
        if document["limits"]["unique_types"]:
            self.check_unique(document, task, kind)
        return self.depth_below(document, task, parent)

    def check_cap(self, document):
        limits, agents = document["limits"], document["agents"]
        if 0 < limits["max_concurrent"] <= sum(agent["status"] in ACTIVE for agent in agents):
            raise Refused("there are as many active agents as there may be")
        if 0 < limits["max_agents"] <= len(agents):
            raise Refused("there have been as many agents as there may be")

    def check_unique(self, document, task, kind):
        for agent in document["agents"]:
            if (agent["task"], agent["type"]) == (task, kind) and agent["status"] in ACTIVE:
                raise Refused(f"{agent['id']} is an active agent of this type")

    def depth_below(self, document, task, parent):
        if parent == ROOT:
            return 1
        above = find(document, parent)
        if above["task"] != task or above["status"] not in CONFIRMABLE:
            raise Refused(f"{parent} cannot be a parent in {task}: it is {above['status']}")
        if 0 < document["limits"]["max_depth"] <= above["depth"]:
            raise Refused(f"{parent} is as deep as agents may be")
        return above["depth"] + 1

    def new_record(self, document, task, kind, parent, depth):
        for word in (task, kind):
            if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", word):
                raise Refused(f"'{word}' is no name")
        agent_id = self.new_id(document, kind)
        return {"id": agent_id, "task": task, "type": kind, "parent": parent, "depth": depth,
                "status": "starting", "progress": 0, "message": "", "version": 1,
                "tmux_session": f"agent_{agent_id}", "pid": None, "process": None, "server": None,
                "attempt": os.urandom(8).hex(), "owner": self.me(),
                "created_at": now(), "updated_at": now()}

    def me(self):
        return identity(os.getpid())

    def new_id(self, _document, kind):
        """Unique for all time and over all workspaces."""
        return f"{kind}-{datetime.datetime.utcnow():%Y%m%dT%H%M%S}-{os.urandom(6).hex()}"

    def start(self, agent):
        """The session of `agent`, made and marked."""
        return self.tmux.create(agent["tmux_session"], self.workspace_id, agent["attempt"],
                                self.gate_command(agent))

    def gate_command(self, agent):
        program = shutil.which("claude")
        if program is None:
            raise Failed("there is no program claude on PATH")
        return [sys.executable, "-B", os.path.abspath(sys.argv[0]), "gate", self.workspace,
                agent["id"], agent["attempt"], program]

    def commit(self, agent, session):
        process, server = identity(session.pid), identity(session.server)

        def change(document):
            record = find(document, agent["id"])
            if record["attempt"] != agent["attempt"] or record["status"] not in CONFIRMABLE:
                raise Failed(f"agent {record['id']} is {record['status']} now")
            self.confirm(record, process, server)

        self.registry.transact(change)

    def confirm(self, record, process, server):
        status = "running" if record["status"] == "starting" else record["status"]
        self.touch(record, status=status, pid=process["pid"], process=process, server=server,
                   owner=None)

    def touch(self, record, **values):
        record.update(values, version=record["version"] + 1, updated_at=now())

    def give_up(self, agent):
        """The record first, which closes the gate; then whatever has come up. What fails here waits
        for repair."""
        def change(document):
            record = find(document, agent["id"])
            if record["attempt"] == agent["attempt"] and record["status"] in CONFIRMABLE:
                self.touch(record, status="failed", owner=None)

        try:
            with contextlib.suppress(Refused):
                self.registry.transact(change)
        finally:
            self.end_attempt(agent)

    def end_attempt(self, agent):
        for session in self.tmux.sessions().values():
            if session.attempt == agent["attempt"]:
                self.tmux.end(session)

    def gate(self, agent_id, attempt, program):
        with self.registry.lock():
            record = find(self.registry.load(), agent_id)
        if record["attempt"] != attempt or record["status"] not in CONFIRMABLE:
            sys.exit(GATE_CLOSED)
        os.environ.update(AGENT_ID=agent_id, AGENT_TASK=record["task"])
        os.execv(program, [os.path.basename(program)])

    # update, kill, list

    def update(self, agent_id, values):
        if values.get("status", "running") not in REPORTABLE:
            raise Refused(f"agents do not report themselves {values['status']}")

        if not str(values.get("progress", 0)).isdecimal():
            raise Refused(f"progress '{values['progress']}' is no number")
        if "progress" in values:
            values["progress"] = int(values["progress"])

        def change(document):
            record = find(document, agent_id)
            if record["status"] == "starting" or record["status"] not in CONFIRMABLE:
                raise Refused(f"agent {agent_id} is {record['status']}")
            self.touch(record, **values)
            return {"version": record["version"]}

        return self.registry.transact(change)

    def kill(self, agent_id):
        def change(document):
            record = find(document, agent_id)
            abandoned = record["status"] == "stopping" and not self.owned(record)
            if record["status"] not in CONFIRMABLE and not abandoned:
                raise Refused(f"agent {agent_id} is {record['status']}")
            self.touch(record, status="stopping", owner=self.me())
            return dict(record)

        self.stop(self.registry.transact(change))
        return {"agent_id": agent_id}

    def owned(self, record):
        """Whether somebody alive is still at work on this record."""
        return record["owner"] is not None and alive(record["owner"])

    def is_ours(self, session, document):
        return session.workspace == document["workspace_id"]

    def presence(self, agent, sessions):
        """Whether the session of a confirmed agent is "there", "gone" or "unknown"."""
        session = sessions.get(agent["tmux_session"])
        if session and session.pid == agent["pid"] and alive(agent["process"]):
            return "there"
        # Not asked: a server that lives on behind a socket that somebody removed.
        asked = agent["server"]["pid"] in {session.server for session in sessions.values()}
        return "unknown" if alive(agent["server"]) and not asked else "gone"

    def stop(self, claimed):
        """`stopping` still holds its slot; it ends once nothing of the agent lives."""
        self.end_attempt(claimed)
        if claimed["process"] is not None:
            kill_process(claimed["process"])

        def change(document):
            record = find(document, claimed["id"])
            if record["status"] == "stopping" and record["owner"] == claimed["owner"]:
                self.touch(record, status="terminated", owner=None)

        self.registry.transact(change)

    def list(self):
        agents = self.registry.load()["agents"]
        return {"agents": [{"id": agent["id"], "status": agent["status"]} for agent in agents]}

    # validate, repair

    def validate(self):
        """Changes not one byte."""
        findings = self.examine()
        return {"problems": len(findings), "findings": [finding.text for finding in findings]}

    def examine(self):
        """The sessions are listed before and after the registry is read: a session of the first
        listing has had its record by then, a record without one in the second has lost it."""
        before = self.tmux.sessions()
        document = self.registry.load()
        after = self.tmux.sessions()
        return diagnose(self, document, before, after)

    def repair(self, dry_run):
        damage = self.registry.damage()
        if damage is not None and dry_run:
            return {"repaired": 1, "findings": [damage]}
        if damage is not None:
            self.registry.restore()
        findings = self.examine()
        if not dry_run:
            findings = self.apply(findings)
        texts = ([damage] if damage else []) + [finding.text for finding in findings]
        return {"repaired": len(texts), "findings": texts}

    def apply(self, findings):
        """Those that were still so. Records first, which closes gates; then what lives."""
        def change(document):
            return [finding for finding in findings if finding.mend(document)]

        for finding in findings:
            finding.prepare()
        mended = self.registry.transact(change) if findings else []
        for finding in mended:
            finding.finish()
        return mended


def parse(words):
    """Positional words, which may be empty for 'not given', and options: `--name` or `--name=value`."""
    positional = [word for word in words if not word.startswith("--")]
    options = dict(word.split("=", 1) if "=" in word else (word, "")
                   for word in words if word.startswith("--"))
    return positional, options


def dispatch(orchestrator, command, words, options):
    words = words + [""] * 4
    if command == "init":
        return orchestrator.init(options)
    if command == "spawn":
        return orchestrator.spawn(words[0], words[1], words[2])
    if command == "update":
        values = dict(zip(("status", "progress", "message"), words[1:]))
        values = {name: value for name, value in values.items() if value != ""}
        return orchestrator.update(words[0], values)
    if command == "kill":
        return orchestrator.kill(words[0])
    if command == "gate":
        return orchestrator.gate(*words[:3])
    if command == "repair":
        return orchestrator.repair("--dry-run" in options)
    if command in ("list", "validate"):
        return getattr(orchestrator, command)()
    raise SystemExit(2)


def main(kind=Orchestrator):
    positional, options = parse(sys.argv[1:])
    if len(positional) < 2:
        raise SystemExit(__doc__)
    try:
        reply = dispatch(kind(positional[1]), positional[0], positional[2:], options)
        print(json.dumps(reply), flush=True)
    except Refused as reason:
        print(f"refused: {reason}", file=sys.stderr)
        sys.exit(3)
    except (Failed, OSError) as error:
        print(f"failed: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
