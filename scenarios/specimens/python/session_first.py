"""Flaw: the session is made before anything is on record, and a save that fails leaves it behind
(asheshgoplani/agent-deck#90).

The correct one records its intent first, and marks the session as its workspace's, so that whatever
happens after that can be found and ended."""

from orchestrator import ROOT, Orchestrator, main
from sessions import identity


class Flawed(Orchestrator):
    def spawn(self, task, kind, parent):
        self.workspace_id = ""
        document = self.registry.load()
        depth = self.admit(document, task, kind, parent or ROOT)
        agent = self.new_record(document, task, kind, parent or ROOT, depth)
        session = self.start(agent)
        self.confirm(agent, identity(session.pid), identity(session.server))
        self.registry.transact(lambda current: current["agents"].insert(0, agent))
        return {"agent_id": agent["id"], "tmux_session": agent["tmux_session"]}

    def gate_command(self, agent):
        """There is no record yet that a gate could look at."""
        return ["env", f"AGENT_ID={agent['id']}", super().gate_command(agent)[-1]]


if __name__ == "__main__":
    main(Flawed)
