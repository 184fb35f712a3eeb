"""Flaw: a session that an error kept tmux from listing counts as gone (eltmon/overdeck#2787: 9 live
agents were reaped).

The correct one asks again, and concludes nothing from an error."""

from orchestrator import Orchestrator, main
from sessions import FORMAT, Tmux


class ErrorMeansNone(Tmux):
    def sessions(self):
        code, out, _ = self.call("-N", "list-panes", "-a", "-F", FORMAT)
        return self.parse(out) if code == 0 else {}


class Flawed(Orchestrator):
    tmux_kind = ErrorMeansNone

    def presence(self, agent, sessions):
        return "there" if agent["tmux_session"] in sessions else "gone"


if __name__ == "__main__":
    main(Flawed)
