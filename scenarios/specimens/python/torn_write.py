"""Flaw: the registry is written in place, under its lock: seek, write, truncate. Concurrency is safe, and
a crash in between leaves half of the new text before half of the old (seen in a real orchestrator).

The correct one writes a temporary file and renames it."""

import os

from orchestrator import Orchestrator, main
from registry import Registry


class TornWrite(Registry):
    def save(self, text):
        with open(self.path, "r+", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.ftruncate(file.fileno(), len(text.encode()))
            os.fsync(file.fileno())


class Flawed(Orchestrator):
    registry_kind = TornWrite


if __name__ == "__main__":
    main(Flawed)
