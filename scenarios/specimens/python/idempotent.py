"""Correct; a request for an agent of a task and type that lives already is answered with that one's id.

The twin of second_identity.py."""

import time

from orchestrator import Orchestrator, main
from registry import ACTIVE, Failed


class Known(Exception):
    """There is one already: its record."""


class Idempotent(Orchestrator):
    def spawn(self, task, kind, parent):
        while True:
            try:
                return super().spawn(task, kind, parent)
            except Known as known:
                (record,) = known.args
            if record["process"] is not None:
                return {"agent_id": record["id"], "tmux_session": record["tmux_session"]}
            if not self.owned(record):
                raise Failed(f"{record['id']} was given up while it started: run repair")
            time.sleep(0.05)

    def admit(self, document, task, kind, parent):
        record = self.known(document, task, kind)
        if record is not None:
            raise Known(record)
        return super().admit(document, task, kind, parent)

    def known(self, document, task, kind):
        for record in document["agents"]:
            if (record["task"], record["type"]) == (task, kind) and record["status"] in ACTIVE:
                return record
        return None


if __name__ == "__main__":
    main(Idempotent)
