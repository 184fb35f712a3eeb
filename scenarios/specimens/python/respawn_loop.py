"""Flaw: a dead agent is spawned again under a new id, and its old record stays `running`
(JKHeadley/instar#1067: 5 running records, one session).

The correct one marks the record of an agent whose session is gone as failed."""

import diagnosis
from orchestrator import Orchestrator, main


def leave(_self, _document):
    return True


def respawn(self):
    self.orchestrator.spawn(self.agent["task"], self.agent["type"], "")


diagnosis.Ghost.mend = leave
diagnosis.Ghost.finish = respawn

if __name__ == "__main__":
    main(Orchestrator)
