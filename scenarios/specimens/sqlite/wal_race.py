"""Flaw: the database is made by whoever opens it first, and each sets the journal mode before the busy
timeout; of several first openers some are told `database is locked`, and work on a database in memory
(foundatron/octopusgarden#290).

The correct one makes it in `init`, whole, under another name; its mode is a property of the file."""

import os
import sqlite3

from database import SCHEMA, Database
from on_sqlite import Twin
from orchestrator import main


class ColdOpen(Database):
    def create(self, document):
        self.write(self.open(), document)

    def open(self):
        connection = sqlite3.connect(self.path, timeout=0, isolation_level=None)
        try:
            connection.execute("pragma journal_mode=wal")
        except sqlite3.OperationalError:
            connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.execute("pragma busy_timeout=30000")
        for statement in SCHEMA:
            connection.execute(statement)
        return connection


class Flawed(Twin):
    registry_kind = ColdOpen


if __name__ == "__main__":
    main(Flawed)
