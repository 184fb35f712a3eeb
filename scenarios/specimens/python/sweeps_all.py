"""Flaw: the sweep ends each session with `agent_` in its name that is not in this registry, and so
another instance's (alamops/agetor#85).

The correct one ends only what bears the mark of its own workspace."""

from orchestrator import Orchestrator, main


class Flawed(Orchestrator):
    def is_ours(self, session, document):
        return "agent_" in session.name


if __name__ == "__main__":
    main(Flawed)
