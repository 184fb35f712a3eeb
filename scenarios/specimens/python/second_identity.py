"""Flaw: the same request twice makes two agents, where the second one comes before the first is running
(eltmon/overdeck#3556: 3 s apart, two identities).

The correct one, idempotent.py, finds the first in its intent, and waits for it."""

from idempotent import Idempotent
from orchestrator import main


class Flawed(Idempotent):
    def known(self, document, task, kind):
        record = super().known(document, task, kind)
        return record if record is not None and record["status"] != "starting" else None


if __name__ == "__main__":
    main(Flawed)
