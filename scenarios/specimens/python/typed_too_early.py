"""Flaw: the command is typed into a shell that is not ready yet, and is lost: the session lives, and no
agent in it (anthropics/claude-code#40168).

The correct one, typing_shell.py, waits for the prompt."""

from orchestrator import Orchestrator, main
from typing_shell import Typing


class TooEarly(Typing):
    def await_prompt(self, name):
        pass


class Flawed(Orchestrator):
    tmux_kind = TooEarly


if __name__ == "__main__":
    main(Flawed)
