"""Flaw: the database is made by whoever opens it first, and each sets the journal mode before the busy
timeout. Of several first openers some are told `database is locked`, and go on in memory
(foundatron/octopusgarden#290).

The correct one makes it in `init`, whole, under another name; its mode is a property of the file."""

import os
import sqlite3

from database import SCHEMA, Database
from on_sqlite import Twin
from orchestrator import main

MEMORY = "file:fallback?mode=memory&cache=shared"
LIMITS = {"max_concurrent": 0, "max_agents": 0, "max_depth": 5, "unique_types": False}


class ColdOpen(Database):
    keeper = None  # a database in memory lives as long as somebody has it open

    def create(self, document):
        pass

    def open(self):
        connection = self.keeper and sqlite3.connect(MEMORY, uri=True, isolation_level=None)
        connection = connection or sqlite3.connect(self.path, timeout=0, isolation_level=None)
        try:
            connection.execute("pragma journal_mode=wal")
            connection.execute("pragma busy_timeout=30000")
            for statement in SCHEMA:
                connection.execute(statement)
            return connection
        except sqlite3.OperationalError:
            self.keeper = sqlite3.connect(MEMORY, uri=True)
            return self.open()

    def read(self, database):
        name = os.path.basename(os.path.dirname(self.path))
        return {"workspace_id": name, "limits": LIMITS} | super().read(database)


class Flawed(Twin):
    registry_kind = ColdOpen


if __name__ == "__main__":
    main(Flawed)
