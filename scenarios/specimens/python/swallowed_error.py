"""Flaw: a save that fails is logged and forgotten, and success is reported (ruvnet/ruflo#2878: 12 of
12 spawns report success, 2 rows are on disk).

The correct one replies only after the folder is synced, and fails if any step did."""

import sys

from orchestrator import Orchestrator, main
from registry import Registry


class SwallowedError(Registry):
    def save(self, text):
        try:
            super().save(text)
        except OSError as error:
            print(f"warning: {error}", file=sys.stderr)


class Flawed(Orchestrator):
    registry_kind = SwallowedError


if __name__ == "__main__":
    main(Flawed)
