"""Flaw: a session is looked for by its name alone, which tmux also finds by its beginning: `a-1` lives as
long as `a-10` does (imbue-ai/mngr#1145).

The correct one, numbered.py, compares whole names; as a target it says `=a-1`."""

from numbered import Numbered
from orchestrator import main


class Flawed(Numbered):
    def presence(self, agent, sessions):
        code, _, _ = self.tmux.call("-N", "has-session", "-t", agent["tmux_session"])
        return "there" if code == 0 else "gone"


if __name__ == "__main__":
    main(Flawed)
