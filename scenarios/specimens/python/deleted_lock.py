"""Flaw: whoever lets go of the lock deletes its file. One who waits has the old file open, one who comes
makes a new one, and both hold it (gastownhall/beads#2933).

The correct one never deletes it."""

from orchestrator import Orchestrator, main
from registry import Registry, discard


class DeletedLock(Registry):
    def unlock(self, fd):
        discard(self.lock_path)
        super().unlock(fd)


class Flawed(Orchestrator):
    registry_kind = DeletedLock


if __name__ == "__main__":
    main(Flawed)
