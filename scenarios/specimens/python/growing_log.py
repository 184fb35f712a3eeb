"""Flaw: each look writes to a log that nobody bounds, though nothing is wrong
(asheshgoplani/agent-deck#748: 88 MB in a loop of rejects).

In the correct one a repair that finds nothing changes not one byte."""

import os

from orchestrator import Orchestrator, main, now


class Flawed(Orchestrator):
    def examine(self):
        findings = super().examine()
        with open(os.path.join(self.workspace, "events.log"), "a", encoding="utf-8") as log:
            log.write(f"{now()} looked: {len(findings)} findings\n")
        return findings


if __name__ == "__main__":
    main(Flawed)
