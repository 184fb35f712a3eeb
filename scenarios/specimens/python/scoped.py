"""Correct; what an agent starts is in its scope, whatever session and process group it moved to, and ends
with it. A scope is known by a variable that all in it inherit, as that of a service manager is known by
its control group.

The twin of server_in_scope.py."""

import os

from orchestrator import Orchestrator, main
from sessions import identity, kill_process

VARIABLE = "ORC_SCOPE"


def end_scope(name):
    mark = f"{VARIABLE}={name}".encode()
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        process = identity(int(pid))  # before the look: nobody else who gets this pid is killed
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                inside = mark in file.read().split(b"\0")
        except OSError:
            continue  # it has ended, or is another user's
        if inside:
            kill_process(process)


class Scoped(Orchestrator):
    def gate_command(self, agent):
        return ["env", f"{VARIABLE}={agent['attempt']}", *super().gate_command(agent)]

    def end_attempt(self, agent):
        super().end_attempt(agent)
        end_scope(agent["attempt"])


if __name__ == "__main__":
    main(Scoped)
