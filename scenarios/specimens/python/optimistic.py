"""Correct, in another way than orchestrator.py: a change is prepared and written to its temporary file
without the lock; under it only the check that nobody else was quicker, and the rename.

The twin of shared_temporary.py. Whoever was overtaken a few times prepares under the lock."""

import os

from orchestrator import Orchestrator, main
from registry import Registry, discard, encode

ROUNDS = 5


class Optimistic(Registry):
    def transact(self, change):
        for _ in range(ROUNDS):
            before = self.identity()
            document = self.load()
            old = encode(document)
            result = change(document)
            self.count(document)
            if encode(document) == old or self.publish(encode(document), before):
                return result
        return super().transact(change)

    def identity(self):
        """Each commit is a new file."""
        state = os.stat(self.path)
        return state.st_ino, state.st_mtime_ns

    def publish(self, text, before):
        temporary = self.temporary()
        try:
            self.write_synced(temporary, text)
            with self.lock():
                if self.identity() != before:
                    return False
                self.keep_backup()
                os.rename(temporary, self.path)
                self.sync_folder()
            return True
        finally:
            discard(temporary)

    def leftovers(self):
        """A temporary file has the pid of its writer, who may live and want it."""
        return [name for name in super().leftovers()
                if not os.path.exists(f"/proc/{name.split('-')[1]}")]


class Twin(Orchestrator):
    registry_kind = Optimistic


if __name__ == "__main__":
    main(Twin)
