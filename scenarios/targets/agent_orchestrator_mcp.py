"""What agent-orchestrator-mcp has on record: agent_orchestrator_mcp.py WORKSPACE

Its meta.json files, each with the pid of the pane that it names. A file that is no JSON ends it with
exit code 1: the registry is damaged.
"""

import glob
import json
import os
import subprocess
import sys

PANE = "#{session_id}:#{window_id}:#{pane_id} #{pane_pid}"


def panes():
    listing = subprocess.run(["tmux", "-N", "list-panes", "-a", "-F", PANE], text=True,
                             stdin=subprocess.DEVNULL, capture_output=True).stdout
    return {pane: int(pid) for pane, pid in (line.split() for line in listing.splitlines())}


def records(workspace):
    pattern = os.path.join(glob.escape(workspace), ".agents/sessions/*/agents/*/meta.json")
    for path in sorted(glob.glob(pattern)):
        try:
            with open(path, "rb") as file:
                yield json.loads(file.read())
        except FileNotFoundError:
            continue  # deleted meanwhile
        except ValueError as error:
            sys.exit(f"{path}: {error}")


def main():
    living = panes()
    agents = [{**agent, "pid": living.get(agent["tmuxPaneId"])} for agent in records(sys.argv[1])]
    print(json.dumps({"agents": agents}))


if __name__ == "__main__":
    main()
