"""The correct orchestrator in Python (../python) as an MCP server over stdio.

    orchestrator_mcp.py serve WORKSPACE
    orchestrator_mcp.py COMMAND WORKSPACE ...    whatever orchestrator.py knows, e.g. init

Calls of tools run side by side, each in a thread of its own. A tool that refuses says so in its
error's text, which begins with "refused: "; any other error may have had effects.
"""

import json
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))

from orchestrator import Orchestrator, Refused, main  # noqa: E402
from registry import Failed  # noqa: E402

PROTOCOLS = ("2025-06-18", "2025-03-26", "2024-11-05")
METHOD_NOT_FOUND, INVALID_PARAMS = -32601, -32602


def given(arguments, *names):
    return {name: arguments[name] for name in names if arguments.get(name, "") != ""}


# name: (what it does, required arguments, optional ones, how)
TOOLS = {
    "spawn_agent": ("Starts an agent.", ("task", "type"), ("parent",),
                    lambda orc, a: orc.spawn(a["task"], a["type"], a.get("parent", ""))),
    "kill_agent": ("Ends an agent.", ("agent_id",), (),
                   lambda orc, a: orc.kill(a["agent_id"])),
    "update_agent": ("Reports an agent's state.", ("agent_id",), ("status", "progress", "message"),
                     lambda orc, a: orc.update(a["agent_id"],
                                               given(a, "status", "progress", "message"))),
    "list_agents": ("Lists all agents.", (), (), lambda orc, a: orc.list()),
    "validate_registry": ("Compares records and sessions; changes nothing.", (), (),
                          lambda orc, a: orc.validate()),
    "repair_registry": ("Mends what validate finds.", (), ("dry_run",),
                        lambda orc, a: orc.repair(a.get("dry_run", False))),
}


class Server:
    def __init__(self, workspace):
        self.workspace = workspace
        self.writing = threading.Lock()

    def send(self, **message):
        line = json.dumps({"jsonrpc": "2.0", **message}) + "\n"
        with self.writing:
            sys.stdout.write(line)
            sys.stdout.flush()

    def handle(self, message):
        method, number = message.get("method"), message.get("id")
        params = message.get("params", {})
        if number is None or method is None:
            return  # a notification, or an answer to a request that was never made
        if method == "initialize":
            self.send(id=number, result=self.initialize(params))
        elif method == "ping":
            self.send(id=number, result={})
        elif method == "tools/list":
            self.send(id=number, result={"tools": [describe(name) for name in TOOLS]})
        elif method == "tools/call" and params.get("name") in TOOLS:
            threading.Thread(target=self.call, args=(number, params)).start()
        elif method == "tools/call":
            self.send(id=number, error={"code": INVALID_PARAMS,
                                        "message": f"Unknown tool: {params.get('name')}"})
        else:
            self.send(id=number, error={"code": METHOD_NOT_FOUND, "message": method})

    def initialize(self, params):
        asked = params.get("protocolVersion")
        return {"protocolVersion": asked if asked in PROTOCOLS else PROTOCOLS[0],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "orchestrator", "version": "1"}}

    def call(self, number, params):
        try:
            reply = TOOLS[params["name"]][3](Orchestrator(self.workspace),
                                             params.get("arguments", {}))
            self.send(id=number, result={"content": [text(json.dumps(reply))],
                                         "structuredContent": reply})
        except Refused as reason:
            self.send(id=number, result={"content": [text(f"refused: {reason}")], "isError": True})
        except (Failed, OSError, KeyError) as error:
            self.send(id=number, result={"content": [text(f"failed: {error}")], "isError": True})


def text(words):
    return {"type": "text", "text": words}


def describe(name):
    description, required, optional, _ = TOOLS[name]
    properties = {word: {"type": "boolean" if word == "dry_run" else "string"}
                  for word in (*required, *optional)}
    return {"name": name, "description": description,
            "inputSchema": {"type": "object", "properties": properties,
                            "required": list(required)}}


def serve(workspace):
    server = Server(workspace)
    for line in sys.stdin:
        server.handle(json.loads(line))
    # The client is gone; threads that are at work finish what they have begun.


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"] and len(sys.argv) == 3:
        serve(sys.argv[2])
    else:
        main()
