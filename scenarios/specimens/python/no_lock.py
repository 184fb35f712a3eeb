"""Flaw: two instances share a registry without any lock (smtg-ai/claude-squad#323: 13 worktrees, 9
entries, 4 live sessions that no entry names).

The correct one holds a flock from before it reads until after it has written."""

import contextlib

from orchestrator import Orchestrator, main
from registry import Registry


class NoLock(Registry):
    @contextlib.contextmanager
    def lock(self):
        yield


class Flawed(Orchestrator):
    registry_kind = NoLock


if __name__ == "__main__":
    main(Flawed)
