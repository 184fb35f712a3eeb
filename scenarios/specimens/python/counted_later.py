"""Flaw: a record and the count of it are two commits, and the second one is lost in a crash
(jonwiggins/optio#40: the decrement sits in a `finally`).

The correct one counts anew in each commit."""

from orchestrator import Orchestrator, main
from registry import Registry


class CountedLater(Registry):
    counting = True

    def transact(self, change):
        try:
            self.counting = False
            return super().transact(change)
        finally:
            self.counting = True
            super().transact(lambda document: None)

    def count(self, document):
        if self.counting:
            super().count(document)


class Flawed(Orchestrator):
    registry_kind = CountedLater


if __name__ == "__main__":
    main(Flawed)
