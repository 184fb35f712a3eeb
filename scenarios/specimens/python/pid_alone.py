"""Flaw: an agent is alive if there is a process of its pid, whoever's that is by now
(gastownhall/gastown#1681).

The correct one compares the start time too."""

import os

from orchestrator import Orchestrator, main


class Flawed(Orchestrator):
    def presence(self, agent, sessions):
        return "there" if os.path.exists(f"/proc/{agent['pid']}") else "gone"


if __name__ == "__main__":
    main(Flawed)
