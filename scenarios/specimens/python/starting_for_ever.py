"""Flaw: an agent that was registered and never spawned stays `starting` for ever; it holds its slot, and
nobody else may have its role (automagik-dev/genie#1147).

The correct one gives such a record up once its spawner is dead."""

from orchestrator import Orchestrator, main


class Flawed(Orchestrator):
    def owned(self, record):
        return record["status"] == "starting" or super().owned(record)


if __name__ == "__main__":
    main(Flawed)
