"""Flaw: the sessions are listed first, then the lock is waited for: an agent that was spawned in between
has a record and no session, and is ended as a ghost (seen in a real orchestrator).

The correct one lists again after it has read the registry."""

from diagnosis import diagnose
from orchestrator import Orchestrator, main


class Flawed(Orchestrator):
    def examine(self):
        sessions = self.tmux.sessions()
        with self.registry.lock():
            document = self.registry.load()
        return diagnose(self, document, sessions, sessions)


if __name__ == "__main__":
    main(Flawed)
