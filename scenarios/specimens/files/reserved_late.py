"""Flaw: a name is chosen under the lock, and its folder is made after the lock is let go
(gastownhall/gastown#2215).

The correct one holds the lock until the folder and its file are there."""

import os

from files import Files
from on_files import Twin
from orchestrator import main


class ReservedLate(Files):
    def transact(self, change):
        with self.lock():
            document = self.load()
            before = {agent["id"]: dict(agent) for agent in document["agents"]}
            result = change(document)
        for agent in document["agents"]:
            if before.get(agent["id"]) != agent:
                os.makedirs(os.path.dirname(self.file(agent["id"])), exist_ok=True)
                self.replace(self.file(agent["id"]), agent)
        return result


class Flawed(Twin):
    registry_kind = ReservedLate


if __name__ == "__main__":
    main(Flawed)
