"""Flaw: all writers share one name for their temporary file (ruvnet/ruflo#2782: ENOENT at the rename, or
the payload of somebody else).

The correct one, optimistic.py, gives each its own name and refuses one that exists."""

import os

from optimistic import Optimistic
from orchestrator import Orchestrator, main
from registry import Registry


class SharedTemporary(Optimistic):
    def temporary(self):
        return self.path + ".tmp"

    def write_synced(self, path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    leftovers = Registry.leftovers  # its name tells of no writer


class Flawed(Orchestrator):
    registry_kind = SharedTemporary


if __name__ == "__main__":
    main(Flawed)
