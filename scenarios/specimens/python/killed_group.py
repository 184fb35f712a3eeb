"""Flaw: a ghost's process group is killed by its number, which may be somebody else's by now
(Untrivial-ai/agent-orchestrator#3475).

The correct one kills by pidfd, and only the process that started when the agent did."""

import contextlib
import os
import signal

import diagnosis
from orchestrator import Orchestrator, main


def kill_group(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process["pid"], signal.SIGKILL)


diagnosis.kill_process = kill_group

if __name__ == "__main__":
    main(Orchestrator)
