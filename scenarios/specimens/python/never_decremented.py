"""Flaw: the count of active agents goes up with each spawn, and never down
(BaseIntelligence/bounty-challenge#6845: the cap saturates).

The correct one derives it from the records at each commit."""

from orchestrator import Orchestrator, main
from registry import Registry


class NeverDecremented(Registry):
    def count(self, document):
        before = document.get("active_count", 0)
        super().count(document)
        document["active_count"] = max(before, document["active_count"])


class Flawed(Orchestrator):
    registry_kind = NeverDecremented


if __name__ == "__main__":
    main(Flawed)
