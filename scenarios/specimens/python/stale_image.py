"""Flaw: an image of the whole registry is kept in memory and saved over a newer one
(nikrich/hungry-ghost-hive#260).

The correct one reads the file anew in each transaction. Here the commit of a spawn works on the image
of its intent, from before its session was made, and removes what others did meanwhile."""

from orchestrator import Orchestrator, main
from registry import Registry


class StaleImage(Registry):
    image = None

    def load(self):
        if self.image is None:
            self.image = super().load()
        return self.image


class Flawed(Orchestrator):
    registry_kind = StaleImage


if __name__ == "__main__":
    main(Flawed)
