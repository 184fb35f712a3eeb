"""Sessions of agents in tmux, and the processes in them.

A session is made and marked by one client call, so nobody dies between the two. tmux matches names by
prefix unless told `=name`. A text that is not known never means that something is dead.
"""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections import namedtuple

from registry import Failed

Session = namedtuple("Session", "name server pid dead workspace attempt")
FORMAT = "|".join(("#{session_name}", "#{pid}", "#{pane_pid}", "#{pane_dead}",
                   "#{@orc_workspace}", "#{@orc_attempt}"))
REPLY_SECONDS = 30  # a busy server may take its time: slow is not dead
HANGUP_SECONDS = 3


class Unknown(Failed):
    """tmux gave no answer from which anything follows."""


def start_of(pid):
    """Start time of a living process, which with its pid is its identity; None: it is dead."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def identity(pid):
    return {"pid": pid, "start": start_of(pid)}


def alive(process):
    return process["start"] is not None and start_of(process["pid"]) == process["start"]


def kill_process(process):
    """By pidfd, so that a process which gets the same pid meanwhile is not hit."""
    wait_dead(process, 0, signal.SIGKILL)


def wait_dead(process, seconds, then):
    try:
        fd = os.pidfd_open(process["pid"])
    except ProcessLookupError:
        return
    try:
        if not alive(process):
            return
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        if not poll.poll(seconds * 1000):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(fd, then)
            if not poll.poll(10_000):
                raise Failed(f"process {process['pid']} does not end")
    finally:
        os.close(fd)


# What tmux says of a session that has just ended, the last one if it has no target at all.
GONE = ("can't find session", "no current target", "server exited")


def no_server(error):
    return error.startswith("no server running on") or (
        error.startswith("error connecting to") and "No such file" in error)


def plain(word):
    """A word that ends with a semicolon would begin another tmux command."""
    return word[:-1] + "\\;" if word.endswith(";") else word


class Tmux:
    program = os.environ.get("ORC_TMUX", "tmux")

    def call(self, *words):
        """(exit code, output, error text)."""
        try:
            done = subprocess.run([self.program, *words], stdin=subprocess.DEVNULL, text=True,
                                  capture_output=True, timeout=REPLY_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise Unknown("tmux does not answer") from error
        return done.returncode, done.stdout, done.stderr.strip()

    def sessions(self):
        """All of the server's, by name; none where no server runs. Raises Unknown."""
        for _ in range(3):
            code, out, error = self.call("-N", "list-panes", "-a", "-F", FORMAT)
            if code == 0 or no_server(error):
                break
            time.sleep(0.2)
        else:
            raise Unknown(f"tmux list-panes: {error}")
        return self.parse(out)

    def parse(self, listing):
        found = {}
        for line in listing.splitlines():
            name, server, pid, dead, workspace, attempt = line.split("|")
            found[name] = Session(name, int(server), int(pid), dead == "1", workspace, attempt)
        return found

    def create(self, name, workspace, attempt, command):
        """The new Session. A server that ends with its last session is asked once more."""
        for _ in range(2):
            code, out, error = self.call(*self.creation(name, workspace, attempt, command))
            if code == 0:
                server, pid = out.splitlines()[0].split("|")[1:3]
                return Session(name, int(server), int(pid), False, workspace, attempt)
            if not error.startswith(("server exited", "lost server")):
                break
        raise Failed(f"tmux new-session: {error}")

    def creation(self, name, workspace, attempt, command):
        return ["new-session", "-d", "-P", "-F", FORMAT, "-s", name, "-x", "80", "-y", "24", "--",
                *map(plain, command), ";",
                "set-option", "-t", f"={name}:", "@orc_workspace", workspace, ";",
                "set-option", "-t", f"={name}:", "@orc_attempt", attempt]

    def end(self, session):
        """Kills the session and waits for its process, which may ignore its hang-up."""
        process = identity(session.pid)
        code, _, error = self.call("-N", *self.ending(session))
        known = no_server(error) or error.startswith(GONE)
        if code != 0 and not known:
            raise Unknown(f"tmux kill-session: {error}")
        wait_dead(process, HANGUP_SECONDS, signal.SIGKILL)

    def ending(self, session):
        return ["kill-session", "-t", self.exactly(session.name)]

    def exactly(self, name):
        return "=" + name
