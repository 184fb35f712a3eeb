"""Flaw: a killed agent's name is free before its clean-up has come to its end, which goes by the name and
ends the new agent that got it meanwhile (gastownhall/gastown#4478).

The correct one, pooled.py, keeps the name until nothing of the agent lives, and ends a session only if it
still is of the attempt that is meant."""

from orchestrator import main
from pooled import Pooled


class Flawed(Pooled):
    def stop(self, claimed):
        super().stop(claimed)
        self.clean_up(claimed["tmux_session"])

    def clean_up(self, name):
        """Whatever has come up late."""
        self.tmux.call("-N", "kill-session", "-t", self.tmux.exactly(name))


if __name__ == "__main__":
    main(Flawed)
