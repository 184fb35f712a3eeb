"""The registry as an SQLite database: each transaction is one of SQLite's, begun with the write lock.

Offers what orchestrator.py asks of a registry: a document that is read, changed and written whole."""

import contextlib
import json
import os
import sqlite3
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))

from registry import ACTIVE, Damaged, Failed

FIELDS = ("id", "task", "type", "parent", "depth", "status", "progress", "message", "version",
          "tmux_session", "pid", "attempt", "created_at", "updated_at")
NESTED = ("process", "server", "owner")
COLUMNS = FIELDS + NESTED
SCHEMA = (f"create table if not exists agents (place integer, {', '.join(COLUMNS)}, primary key (id))",
          "create table if not exists settings (name primary key, value)")
BUSY_SECONDS = 30


class Database:
    def __init__(self, workspace):
        self.path = os.path.join(workspace, "registry.db")

    @contextlib.contextmanager
    def connection(self):
        try:
            database = self.open()
            try:
                yield database
            finally:
                database.close()
        except sqlite3.DatabaseError as error:
            raise Failed(f"{self.path}: {error}") from error

    def open(self):
        """In write-ahead mode since its creation; that is a property of the file."""
        if not os.path.exists(self.path):
            raise Damaged(f"{self.path} is missing")
        database = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
        database.execute("pragma synchronous=full")
        return database

    def create(self, document):
        """Made whole under another name, so that nobody opens half of it."""
        temporary = f"{self.path}.tmp-{os.getpid()}"
        with contextlib.closing(sqlite3.connect(temporary, isolation_level=None)) as database:
            database.execute("pragma journal_mode=wal")
            database.execute("begin immediate")
            for statement in SCHEMA:
                database.execute(statement)
            self.count(document)
            self.write(database, document)
            database.execute("commit")
        os.link(temporary, self.path)
        os.unlink(temporary)

    def transact(self, change):
        with self.connection() as database:
            database.execute("begin immediate")
            try:
                document = self.read(database)
                before = json.dumps(document)
                result = change(document)
                self.count(document)
                if json.dumps(document) != before:
                    self.write(database, document)
                database.execute("commit")
            except BaseException:
                if database.in_transaction:
                    database.execute("rollback")
                raise
        return result

    def load(self):
        """On a full disk there is no room for the log's index, which a reader needs too: it waits, as
        for a busy one, or a gate would fail whose spawn is acknowledged."""
        patience = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                with self.connection() as database:
                    database.execute("begin")
                    return self.read(database)
            except Failed as error:
                code = getattr(error.__cause__, "sqlite_errorcode", None)
                if code != sqlite3.SQLITE_IOERR_SHMSIZE or time.monotonic() > patience:
                    raise
            time.sleep(0.05)

    @contextlib.contextmanager
    def lock(self):
        """Who only reads sees one whole state in any case."""
        yield

    def read(self, database):
        document = {name: json.loads(value)
                    for name, value in database.execute("select name, value from settings")}
        rows = database.execute(f"select {', '.join(COLUMNS)} from agents order by place desc")
        document["agents"] = [self.record(row) for row in rows]
        return document

    def record(self, row):
        record = dict(zip(COLUMNS, row))
        return record | {name: json.loads(record[name]) for name in NESTED}

    def write(self, database, document):
        for place, agent in enumerate(reversed(document["agents"])):
            values = [agent[name] for name in FIELDS] + [json.dumps(agent[name]) for name in NESTED]
            marks = ", ".join("?" * len(values))
            database.execute(f"insert or replace into agents values (?, {marks})", [place, *values])
        for name, value in document.items():
            if name != "agents":
                database.execute("insert or replace into settings values (?, ?)",
                                 [name, json.dumps(value)])

    def count(self, document):
        agents = document["agents"]
        document["active_count"] = sum(agent["status"] in ACTIVE for agent in agents)
        document["ended_count"] = len(agents) - document["active_count"]
        document["total_spawned"] = len(agents)

    def damage(self):
        try:
            self.load()
            return None
        except Failed as error:
            return str(error)

    def restore(self):
        raise Damaged(f"{self.path} is damaged, and there is no backup")

    def leftovers(self):
        """A transaction that was cut off is rolled back by whoever comes next."""
        return []
