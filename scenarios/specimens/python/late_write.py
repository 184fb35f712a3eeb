"""Flaw: spawn reads the registry without a lock, makes the session, and writes what it had read
(measured on a real orchestrator: of 10 concurrent spawns 1 record is left).

The correct one puts its intent on record in one transaction, and confirms it in another."""

from orchestrator import ROOT, Orchestrator, main
from registry import encode
from sessions import identity


class Flawed(Orchestrator):
    def spawn(self, task, kind, parent):
        document = self.registry.load()
        depth = self.admit(document, task, kind, parent or ROOT)
        agent = self.new_record(document, task, kind, parent or ROOT, depth)
        self.workspace_id = document["workspace_id"]
        session = self.start(agent)
        self.confirm(agent, identity(session.pid), identity(session.server))
        document["agents"].insert(0, agent)
        self.registry.count(document)
        with self.registry.lock():
            self.registry.save(encode(document))
        return {"agent_id": agent["id"], "tmux_session": agent["tmux_session"]}

    def gate_command(self, agent):
        """There is no record yet that a gate could look at."""
        return ["env", f"AGENT_ID={agent['id']}", super().gate_command(agent)[-1]]


if __name__ == "__main__":
    main(Flawed)
