"""The registry: one JSON file, changed by one transaction at a time.

A transaction is: lock, read once, decide, write once. The lock is a flock on a file of its own that
is never deleted; the kernel frees it when its holder dies. A commit is a temporary file, fsync,
rename, fsync of the folder, so a reader without the lock opens one whole generation. What cannot be
read is never taken for empty and never overwritten: only `restore` replaces it.
"""

import contextlib
import fcntl
import json
import os

CONFIRMABLE = ("starting", "running", "working", "blocked")
ACTIVE = (*CONFIRMABLE, "stopping")


class Failed(Exception):
    """The operation did not succeed; it may have had effects."""


class Damaged(Failed):
    """The registry is absent or no registry."""


class Registry:
    def __init__(self, workspace):
        self.workspace = workspace
        self.path = os.path.join(workspace, "registry.json")
        self.backup = self.path + ".backup"
        self.lock_path = os.path.join(workspace, "registry.lock")

    @contextlib.contextmanager
    def lock(self):
        """Python opens with O_CLOEXEC, so no child, and no tmux server, inherits the lock."""
        fd = os.open(self.lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            self.unlock(fd)

    def unlock(self, fd):
        fcntl.flock(fd, fcntl.LOCK_UN)
        os.close(fd)

    def transact(self, change):
        """Calls `change(document)` under the lock; what it raises leaves the registry as it was."""
        with self.lock():
            document = self.load()
            before = encode(document)
            result = change(document)
            self.count(document)
            text = encode(document)
            if text != before:
                self.save(text)
        return result

    def load(self):
        return self.parse(self.path)

    def parse(self, path):
        try:
            with open(path, "rb") as file:
                document = json.loads(file.read())
            document["agents"], document["limits"], document["workspace_id"]
            return document
        except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
            raise Damaged(f"{path} is no registry: {error!r}; run repair") from error

    def count(self, document):
        """Derived at each commit, never kept by hand."""
        agents = document["agents"]
        document["active_count"] = sum(agent["status"] in ACTIVE for agent in agents)
        document["ended_count"] = len(agents) - document["active_count"]
        document["total_spawned"] = len(agents)

    def save(self, text):
        """Whoever saves has read the current file, so it is sound, and worth being the backup."""
        temporary = self.temporary()
        try:
            self.write_synced(temporary, text)
            self.keep_backup()
            os.rename(temporary, self.path)
        except BaseException:
            discard(temporary)
            raise
        self.sync_folder()

    def temporary(self):
        return unique(self.path)

    def write_synced(self, path, text):
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            data = text.encode()
            while data:
                data = data[os.write(fd, data):]
            os.fsync(fd)
        finally:
            os.close(fd)

    def keep_backup(self):
        link = unique(self.backup)
        try:
            os.link(self.path, link)
            os.rename(link, self.backup)
        finally:
            # After a save that failed later the backup is this file already; rename(2) of two
            # names of one file does nothing and leaves both.
            discard(link)

    def sync_folder(self):
        fd = os.open(self.workspace, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def create(self, document):
        self.count(document)
        with self.lock():
            if os.path.exists(self.path) or os.path.exists(self.backup):
                raise Failed(f"{self.path} exists already")
            temporary = self.temporary()
            self.write_synced(temporary, encode(document))
            os.link(temporary, self.backup)
            os.rename(temporary, self.path)
            self.sync_folder()

    def damage(self):
        """Why the registry cannot be read; None: it can."""
        try:
            self.load()
            return None
        except Damaged as error:
            return str(error)

    def restore(self):
        """The damaged file is set aside, the last good one takes its place."""
        with self.lock():
            if self.damage() is None:
                return
            text = encode(self.parse(self.backup))
            self.set_aside()
            temporary = self.temporary()
            self.write_synced(temporary, text)
            os.rename(temporary, self.path)
            self.sync_folder()

    def set_aside(self):
        with contextlib.suppress(FileNotFoundError):
            os.link(self.path, f"{self.path}.damaged-{os.urandom(4).hex()}")

    def leftovers(self):
        """Temporary files. Under the lock they are dead writers', as writers have it too."""
        names = sorted(os.listdir(self.workspace))
        return [name for name in names if name.startswith("registry.json") and ".tmp" in name]

    def sweep(self):
        with self.lock():
            for name in self.leftovers():
                os.unlink(os.path.join(self.workspace, name))


def unique(path):
    return f"{path}.tmp-{os.getpid()}-{os.urandom(4).hex()}"


def encode(document):
    return json.dumps(document, indent=1) + "\n"


def discard(path):
    with contextlib.suppress(OSError):
        os.unlink(path)
