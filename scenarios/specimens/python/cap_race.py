"""Flaw: the cap is checked before the lock is taken (anneschuth/claude-threads#331: cap 5, 6 admitted).

The correct one counts in the transaction that inserts the record."""

from orchestrator import Orchestrator, main


class Flawed(Orchestrator):
    seen = None

    def intend(self, task, kind, parent):
        self.seen = self.registry.load()
        return super().intend(task, kind, parent)

    def check_cap(self, document):
        super().check_cap(self.seen)


if __name__ == "__main__":
    main(Flawed)
