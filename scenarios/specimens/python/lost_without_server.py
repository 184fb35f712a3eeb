"""Flaw: when the tmux server that an agent lived on is not there, repair knows nothing of the agent and
leaves its record `running` (seen in a real orchestrator: the ghosts stay).

The correct one looks whether that server's process is dead: then so are its sessions."""

from orchestrator import Orchestrator, main


class Flawed(Orchestrator):
    def presence(self, agent, sessions):
        servers = {session.server for session in sessions.values()}
        if agent["server"]["pid"] not in servers:
            return "unknown"
        return super().presence(agent, sessions)


if __name__ == "__main__":
    main(Flawed)
