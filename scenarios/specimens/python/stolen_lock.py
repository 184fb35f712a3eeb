"""Flaw: a lock that is older than it should ever be is taken for a dead process's and stolen, though its
holder lives, and was only stopped for a while (sonichi/sutando#3831).

The correct one never judges the age of a lock: the kernel lets it go when its holder dies."""

import contextlib
import os
import time

from orchestrator import Orchestrator, main
from registry import Registry, discard

STALE_SECONDS = 0.1


class StolenLock(Registry):
    @contextlib.contextmanager
    def lock(self):
        while not self.taken():
            time.sleep(0.01)
        try:
            yield
        finally:
            discard(self.lock_path)

    def taken(self):
        try:
            os.close(os.open(self.lock_path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            return True
        except FileExistsError:
            with contextlib.suppress(FileNotFoundError):
                if time.time() - os.stat(self.lock_path).st_mtime > STALE_SECONDS:
                    discard(self.lock_path)
            return False


class Flawed(Orchestrator):
    registry_kind = StolenLock


if __name__ == "__main__":
    main(Flawed)
