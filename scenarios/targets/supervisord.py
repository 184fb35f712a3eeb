"""A client of supervisord, as a user's own scripts are: supervisord.py COMMAND WORKSPACE [ARGUMENT]

    start            a supervisord of its own for this workspace
    spawn TYPE       a file in conf.d, then `supervisorctl update`; prints the new agent's name
    kill AGENT       removes the file, then `supervisorctl update`
    observe          what supervisord says of all its programs, as JSON; none where none runs
"""

import json
import os
import subprocess
import sys

CONFIGURATION = """\
[unix_http_server]
file={socket}
[supervisord]
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{socket}
[include]
files=conf.d/*.conf
"""
PROGRAM = """\
[program:{name}]
command={command}
environment=AGENT_ID="{name}"
stdout_logfile=NONE
stderr_logfile=NONE
"""


class Supervisor:
    def __init__(self, workspace):
        self.workspace = workspace
        self.configuration = os.path.join(workspace, "supervisord.conf")
        # A socket's path must be short.
        self.socket = os.path.join(os.environ["XDG_RUNTIME_DIR"], "supervisor.sock")

    def start(self):
        os.makedirs(os.path.join(self.workspace, "conf.d"))
        with open(self.configuration, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(socket=self.socket))
        # Returns when its socket is there.
        subprocess.run(["/usr/bin/supervisord", "-c", self.configuration], check=True)

    def file_of(self, agent):
        return os.path.join(self.workspace, "conf.d", f"{agent}.conf")

    def spawn(self, kind):
        agent = f"{kind}-{os.urandom(5).hex()}"
        with open(self.file_of(agent), "w", encoding="utf-8") as file:
            file.write(PROGRAM.format(name=agent, command="claude"))
        self.update()
        print(agent)

    def kill(self, agent):
        os.unlink(self.file_of(agent))
        self.update()

    def update(self):
        done = subprocess.run(["/usr/bin/supervisorctl", "-c", self.configuration, "update"],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            sys.exit(f"supervisorctl update: {done.stdout.strip()}")

    def observe(self):
        from supervisor.xmlrpc import SupervisorTransport
        from xmlrpc.client import ServerProxy
        try:
            with ServerProxy("http://localhost", SupervisorTransport(
                    None, None, f"unix://{self.socket}")) as proxy:
                agents = proxy.supervisor.getAllProcessInfo()
        except (FileNotFoundError, ConnectionRefusedError):
            agents = []
        for agent in agents:
            agent["pid"] = agent["pid"] or None
        print(json.dumps({"agents": agents}))


if __name__ == "__main__":
    getattr(Supervisor(sys.argv[2]), sys.argv[1])(*sys.argv[3:])
