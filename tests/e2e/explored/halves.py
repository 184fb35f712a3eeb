"""A small orchestrator without sessions, for tests of explorations: HOW COMMAND WORKSPACE [TYPE].

Its registry is in two halves, a file for each agent in one of them; spawns take a lock. HOW is
`whole`: a list takes it, too; `indexed`: nobody takes it, and a list shows what stands in an index,
where spawns end; or a flaw: `by_halves` lists one half and then the other, so that of two agents
which came in between it shows the later one alone."""

import contextlib
import fcntl
import json
import os
import sys

HALVES = ("first", "second")


@contextlib.contextmanager
def locked():
    with open(".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
        fcntl.flock(lock, fcntl.LOCK_UN)


def create():
    for folder in (*HALVES, "index"):
        os.mkdir(folder)


def spawn(how, agent):
    with contextlib.nullcontext() if how == "indexed" else locked():
        name = os.path.join(HALVES[int(agent[-1]) % 2 == 0], f"{agent}.json")
        with open(f"{agent}.tmp", "w") as out:
            json.dump({"id": agent, "status": "running"}, out)
        os.rename(f"{agent}.tmp", name)
        os.mkdir(os.path.join("index", agent))
    print(agent)


def names(how):
    if how == "indexed":
        return os.listdir("index")
    return [name.removesuffix(".json") for half in HALVES for name in os.listdir(half)]


def show(how):
    with locked() if how == "whole" else contextlib.nullcontext():
        agents = names(how)
    print(json.dumps({"agents": agents}))


how, command, workspace = sys.argv[1:4]
os.chdir(workspace)
if command == "init":
    create()
elif command == "spawn":
    spawn(how, sys.argv[4])
else:
    show(how)
