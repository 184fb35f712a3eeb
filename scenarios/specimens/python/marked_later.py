"""Flaw: the session is made by one call of tmux and told from others' by a later one, so a SIGKILL in
between leaves a session that nobody knows for his own (mertkayacs/reevesagents#51).

The correct one makes and marks it in one call."""

from orchestrator import Orchestrator, main
from sessions import Tmux


class MarkedLater(Tmux):
    def creation(self, *arguments):
        words = super().creation(*arguments)
        end = words.index(";")
        self.marks = words[end + 1:]
        return words[:end]

    def create(self, *arguments):
        session = super().create(*arguments)
        self.call(*self.marks)
        return session


class Flawed(Orchestrator):
    tmux_kind = MarkedLater


if __name__ == "__main__":
    main(Flawed)
