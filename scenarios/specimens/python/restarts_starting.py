"""Flaw: the watchdog takes an agent that is still starting for one that failed to start, and starts it
again (gastownhall/gastown#1752).

The correct one leaves a `starting` record alone for as long as its spawner lives."""

import diagnosis
from orchestrator import ROOT, Orchestrator, main


class Restart(diagnosis.Finding):
    def finish(self):
        again = self.agent
        self.orchestrator.spawn(again["task"], again["type"], "")


class Flawed(Orchestrator):
    restarting = False

    def check_unique(self, document, task, kind):
        if not self.restarting:
            super().check_unique(document, task, kind)

    def examine(self):
        self.restarting = True
        starting = [agent for agent in self.registry.load()["agents"]
                    if agent["status"] == "starting" and agent["parent"] == ROOT]
        return super().examine() + [
            Restart(self, f"{agent['id']} did not start", agent) for agent in starting]


if __name__ == "__main__":
    main(Flawed)
