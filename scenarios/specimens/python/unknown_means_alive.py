"""Flaw: one error text of tmux is known to mean that there is no session, and with any other the agent
counts as alive, for ever (Untrivial-ai/agent-orchestrator#4776).

The correct one reads the listing, and knows each of the ways in which tmux says that nothing is there."""

from orchestrator import Orchestrator, main


class Flawed(Orchestrator):
    def presence(self, agent, sessions):
        code, _, error = self.tmux.call("-N", "has-session", "-t", "=" + agent["tmux_session"])
        return "gone" if code != 0 and error.startswith("no server running on") else "there"


if __name__ == "__main__":
    main(Flawed)
