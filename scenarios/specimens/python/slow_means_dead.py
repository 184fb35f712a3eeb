"""Flaw: a session that tmux does not tell of within a second counts as gone
(Untrivial-ai/agent-orchestrator#1838).

The correct one waits, and at its deadline nothing is known."""

import sessions
from orchestrator import Orchestrator, main

sessions.REPLY_SECONDS = 1


class SlowMeansNone(sessions.Tmux):
    def sessions(self):
        try:
            return super().sessions()
        except sessions.Unknown:
            return {}


class Flawed(Orchestrator):
    tmux_kind = SlowMeansNone

    def presence(self, agent, sessions):
        return "there" if agent["tmux_session"] in sessions else "gone"


if __name__ == "__main__":
    main(Flawed)
