"""Flaw: the old registry is moved away before the new one is moved in, so for a moment there is none
(tetsuo-ai/agenc-core#2086).

The correct one makes the backup a second name of the old file, and replaces the first by one rename."""

import os

from orchestrator import Orchestrator, main
from registry import Registry


class TwoRenames(Registry):
    def keep_backup(self):
        os.rename(self.path, self.backup)


class Flawed(Orchestrator):
    registry_kind = TwoRenames


if __name__ == "__main__":
    main(Flawed)
