"""A small orchestrator without sessions, for tests of explorations: HOW COMMAND WORKSPACE [TYPE].

HOW is `locked`: correct; `threads`: correct, and two threads of a spawn share its work; or a flaw:
`unlocked` takes no lock, `opposite` takes one lock and then another for worker1, and for all others
the other way round; `broken` spawns nothing."""

import fcntl
import json
import os
import sys
import threading

REGISTRY = "registry.json"


def locked(name):
    lock = open(name, "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def save(registry):
    temporary = f"{REGISTRY}.tmp-{os.getpid()}"
    with open(temporary, "w") as out:
        json.dump(registry, out)
    os.rename(temporary, REGISTRY)


def insert(agent):
    with open(REGISTRY) as stored:
        registry = json.load(stored)
    registry["agents"].append({"id": agent, "status": "running"})
    save(registry)


def spawn_under_a_lock(agent):
    with locked(".lock"):
        insert(agent)


def spawn_by_threads(agent):
    def announce():
        with open(f"{agent}.notice", "w") as out:
            out.write("it comes\n")

    threads = [
        threading.Thread(target=announce),
        threading.Thread(target=spawn_under_a_lock, args=(agent,)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def spawn_by_two_locks(agent):
    first, second = ("one.lock", "two.lock") if agent == "worker1" else ("two.lock", "one.lock")
    with locked(first), locked(second):
        insert(agent)


WAYS = {
    "locked": spawn_under_a_lock,
    "threads": spawn_by_threads,
    "unlocked": insert,
    "opposite": spawn_by_two_locks,
    "broken": lambda agent: sys.exit("it is broken"),
}
how, command, workspace = sys.argv[1:4]
os.chdir(workspace)
if command == "init":
    save({"agents": []})
else:
    WAYS[how](sys.argv[4])
    print(sys.argv[4])
