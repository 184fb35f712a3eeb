"""Flaw: repair runs `tmux attach` for an agent whose session has gone, does not look at its exit code, and
reports the agent as restored (smtg-ai/claude-squad#322).

The correct one reports what it did, and a session that is gone is the end of its agent."""

import diagnosis
from orchestrator import Orchestrator, main


def attach(self, _document):
    self.orchestrator.tmux.call("attach-session", "-t", "=" + self.agent["tmux_session"])
    return True


diagnosis.Ghost.mend = attach

if __name__ == "__main__":
    main(Orchestrator)
