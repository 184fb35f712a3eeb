"""The registry as a folder for each agent, agents/ID/meta.json; one lock for all of them.

Offers what orchestrator.py asks of a registry. A change that touches one agent writes one file, so each
commit is whole; counts are not stored. A folder without a file is a name that is reserved."""

import json
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))

from registry import Registry, discard, unique


class Files(Registry):
    def __init__(self, workspace):
        super().__init__(workspace)
        self.folder = os.path.join(workspace, "agents")

    def create(self, document):
        os.makedirs(self.folder)
        for agent in document.pop("agents"):
            self.reserve(agent["id"])
            self.replace(self.file(agent["id"]), agent)
        self.replace(self.path, document)

    def file(self, agent_id):
        return os.path.join(self.folder, agent_id, "meta.json")

    def reserve(self, agent_id):
        os.mkdir(os.path.join(self.folder, agent_id))

    def replace(self, path, value):
        temporary = unique(path)
        try:
            self.write_synced(temporary, json.dumps(value, indent=1) + "\n")
            os.rename(temporary, path)
        except BaseException:
            discard(temporary)
            raise
        fd = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def names(self):
        return sorted(os.listdir(self.folder)) if os.path.isdir(self.folder) else []

    def load(self):
        with open(self.path, "rb") as file:
            document = json.loads(file.read())
        document["agents"] = []
        for name in self.names():
            if os.path.exists(self.file(name)):
                with open(self.file(name), "rb") as file:
                    document["agents"].append(json.loads(file.read()))
        document["agents"].sort(key=lambda agent: agent["created_at"], reverse=True)
        return document

    def transact(self, change):
        with self.lock():
            document = self.load()
            before = {agent["id"]: json.dumps(agent) for agent in document["agents"]}
            result = change(document)
            for agent in document["agents"]:
                if before.get(agent["id"]) != json.dumps(agent):
                    if agent["id"] not in before:
                        self.reserve(agent["id"])
                    self.replace(self.file(agent["id"]), agent)
        return result

    def count(self, document):
        pass

    def damage(self):
        """Each file is replaced whole, or not at all."""
        return None

    def leftovers(self):
        """Temporary files, and the names that dead spawners have reserved. For the lock's holder."""
        found = []
        for name in self.names():
            files = os.listdir(os.path.join(self.folder, name))
            found += [f"agents/{name}/{file}" for file in files if ".tmp-" in file]
            if "meta.json" not in files:
                found.append(f"agents/{name}")
        return found

    def sweep(self):
        with self.lock():
            for name in self.leftovers():
                path = os.path.join(self.workspace, name)
                os.rmdir(path) if os.path.isdir(path) else os.unlink(path)
