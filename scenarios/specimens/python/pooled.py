"""Correct; the names of sessions are used again, the smallest that is free. A record has its name until
nothing of the agent lives, and a session is ended only while it still is of the attempt that is meant.

The twin of late_clean_up.py."""

import itertools

from orchestrator import Orchestrator, main
from registry import ACTIVE
from sessions import Tmux


class PooledTmux(Tmux):
    def ending(self, session):
        """One step of the server's: between a look and a kill the name may become somebody else's."""
        target = self.exactly(session.name)
        same = f"#{{==:#{{@orc_attempt}},{session.attempt}}}"
        return ["if-shell", "-F", "-t", f"{target}:", same, f"kill-session -t {target}"]


class Pooled(Orchestrator):
    tmux_kind = PooledTmux
    present = frozenset()

    def spawn(self, task, kind, parent):
        self.present = frozenset(self.tmux.sessions())
        return super().spawn(task, kind, parent)

    def new_record(self, document, task, kind, parent, depth):
        agent = super().new_record(document, task, kind, parent, depth)
        taken = {other["tmux_session"] for other in document["agents"]} | self.present
        names = (f"agent_{number}" for number in itertools.count(1))
        agent["tmux_session"] = next(name for name in names if name not in taken)
        return agent

    def touch(self, record, **values):
        super().touch(record, **values)
        if record["status"] not in ACTIVE:
            record["tmux_session"] = None


if __name__ == "__main__":
    main(Pooled)
