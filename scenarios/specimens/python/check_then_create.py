"""Flaw: whether there is such an agent already is checked before the lock is taken
(Untrivial-ai/agent-orchestrator#325: check, then create).

The correct one checks in the transaction that inserts the record."""

from orchestrator import Orchestrator, main


class Flawed(Orchestrator):
    seen = None

    def intend(self, task, kind, parent):
        self.seen = self.registry.load()
        return super().intend(task, kind, parent)

    def check_unique(self, document, task, kind):
        super().check_unique(self.seen, task, kind)


if __name__ == "__main__":
    main(Flawed)
