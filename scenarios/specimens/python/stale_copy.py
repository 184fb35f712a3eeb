"""Flaw: each process rewrites the copy that it read before it had the lock (smtg-ai/claude-squad#317).

The correct one reads under the lock that it writes under. Here two writers read the same state, and
the later one saves it without what the earlier one has added."""

from orchestrator import Orchestrator, main
from registry import Registry, encode


class StaleCopy(Registry):
    def transact(self, change):
        document = self.load()  # before the lock
        result = change(document)
        self.count(document)
        with self.lock():
            self.save(encode(document))
        return result


class Flawed(Orchestrator):
    registry_kind = StaleCopy


if __name__ == "__main__":
    main(Flawed)
