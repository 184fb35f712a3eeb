"""Correct; its sessions begin with an interactive shell, into which the agent's command is typed.

The twin of typed_too_early.py. The shell takes its time over its rc file, and throws away what was typed
before its first prompt, as line editors do."""

import os
import shlex
import sys
import termios
import time

from orchestrator import Orchestrator, main
from registry import Failed
from sessions import Tmux

PROMPT = "ready> "
RC_SECONDS = 0.3
PROMPT_SECONDS = 10


class Typing(Tmux):
    def create(self, name, workspace, attempt, command):
        shell = [sys.executable, "-B", os.path.abspath(__file__), "--shell"]
        session = super().create(name, workspace, attempt, shell)
        self.await_prompt(name)
        self.call("send-keys", "-t", f"={name}:", "-l", f"exec {shlex.join(command)}")
        self.call("send-keys", "-t", f"={name}:", "Enter")
        return session

    def await_prompt(self, name):
        deadline = time.monotonic() + PROMPT_SECONDS
        while PROMPT.strip() not in self.call("capture-pane", "-p", "-t", f"={name}:")[1]:
            if time.monotonic() > deadline:
                raise Failed(f"the shell of {name} has no prompt")
            time.sleep(0.05)


class Twin(Orchestrator):
    tmux_kind = Typing


def slow_shell():
    time.sleep(RC_SECONDS)
    termios.tcflush(0, termios.TCIFLUSH)
    os.execve("/bin/sh", ["sh", "-i"], dict(os.environ, PS1=PROMPT, ENV=""))


if __name__ == "__main__":
    slow_shell() if sys.argv[1:] == ["--shell"] else main(Twin)
