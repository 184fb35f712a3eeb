"""Flaw: the lock is a folder, and who has it is written into it a moment later. Who dies in between holds
it for ever, as nobody can tell that he is dead (fujibee/agmsg#865).

The correct one has the kernel hold the lock, and let it go when its holder dies."""

import contextlib
import os
import time

from orchestrator import Orchestrator, main
from registry import Registry
from sessions import start_of


class FolderLock(Registry):
    @contextlib.contextmanager
    def lock(self):
        owner = os.path.join(self.lock_path, "owner")
        wait = 0.01
        while not self.taken(owner):
            time.sleep(wait)
            wait = min(wait * 2, 8)
        try:
            yield
        finally:
            self.free(owner)

    def taken(self, owner):
        try:
            os.mkdir(self.lock_path)
        except FileExistsError:
            with contextlib.suppress(OSError, ValueError):
                with open(owner, encoding="ascii") as file:
                    if start_of(int(file.read())) is None:
                        self.free(owner)
            return False
        with open(owner, "w", encoding="ascii") as file:
            file.write(str(os.getpid()))
        return True

    def free(self, owner):
        with contextlib.suppress(OSError):
            os.unlink(owner)
            os.rmdir(self.lock_path)


class Flawed(Orchestrator):
    registry_kind = FolderLock


if __name__ == "__main__":
    main(Flawed)
