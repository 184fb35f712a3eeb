"""Flaw: a registry that is not there is read as an empty one, and its living agents are nobody's
(eltmon/overdeck#1559: a live pane, no state file).

The correct one knows that it had a registry, refuses to work, and has repair restore the backup."""

import os

from orchestrator import Orchestrator, main
from registry import Registry


class AbsentIsEmpty(Registry):
    def load(self):
        if os.path.exists(self.path):
            return super().load()
        limits = {"max_concurrent": 0, "max_agents": 0, "max_depth": 5, "unique_types": False}
        return {"workspace_id": os.urandom(8).hex(), "limits": limits, "agents": []}

    def keep_backup(self):
        if os.path.exists(self.path):
            super().keep_backup()


class Flawed(Orchestrator):
    registry_kind = AbsentIsEmpty


if __name__ == "__main__":
    main(Flawed)
