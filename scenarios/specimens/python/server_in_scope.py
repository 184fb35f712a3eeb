"""Flaw: a spawn puts itself into the new agent's scope, and a tmux server that this call of tmux happens to
start is in there too, with all agents that come after it. It dies with that one agent
(asheshgoplani/agent-deck#2219).

In the correct one, scoped.py, a scope begins within the session, at the agent's own process."""

import os

from orchestrator import main
from scoped import VARIABLE, Scoped


class Flawed(Scoped):
    def start(self, agent):
        os.environ[VARIABLE] = agent["attempt"]
        return super().start(agent)


if __name__ == "__main__":
    main(Flawed)
