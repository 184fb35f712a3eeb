"""Flaw: the agent is the child of a shell that stays when the agent has gone, and it is the shell that is
looked at (Untrivial-ai/agent-orchestrator#1850: the status says 1, tmux says 7).

In the correct one the session's process becomes the agent, and both end together."""

from orchestrator import Orchestrator, main


class Flawed(Orchestrator):
    def gate_command(self, agent):
        return ["sh", "-c", '"$@"; exec sh', "sh", *super().gate_command(agent)]


if __name__ == "__main__":
    main(Flawed)
