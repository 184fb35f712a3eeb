"""Flaw: each start of the supervisor, here each repair, adds one more orchestrator to the agents
(Untrivial-ai/agent-orchestrator#992).

The correct one starts nothing that it was not asked for."""

from orchestrator import Orchestrator, main


class Flawed(Orchestrator):
    def repair(self, dry_run):
        reply = super().repair(dry_run)
        if not dry_run:
            self.spawn("TASK-A", "orchestrator", "")
        return reply


if __name__ == "__main__":
    main(Flawed)
