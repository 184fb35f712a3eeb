"""Flaw: when the disk is full the registry is written as an empty list (Unitech/pm2#2971: the dump
becomes `[]`).

The correct one fails, and its old registry stays as it was."""

from orchestrator import Orchestrator, main
from registry import Registry


class EmptyWhenFull(Registry):
    def save(self, text):
        try:
            super().save(text)
        except OSError:
            with open(self.path, "w", encoding="ascii") as file:
                file.write("[]")
            raise


class Flawed(Orchestrator):
    registry_kind = EmptyWhenFull


if __name__ == "__main__":
    main(Flawed)
