"""Flaw: tmux is called with the lock held and inherited. A server that this call happens to start keeps
the descriptor, and so the lock, for ever (leopu00/job-hunter-team#214).

In the correct one no child inherits the lock, none is started under it, and it is let go by name."""

import fcntl
import functools
import os
import subprocess

from orchestrator import Orchestrator, main

subprocess.run = functools.partial(subprocess.run, close_fds=False)


class Flawed(Orchestrator):
    def start(self, agent):
        fd = os.open(self.registry.lock_path, os.O_RDWR)
        os.set_inheritable(fd, True)
        fcntl.flock(fd, fcntl.LOCK_EX)
        try:
            return super().start(agent)
        finally:
            os.close(fd)


if __name__ == "__main__":
    main(Flawed)
