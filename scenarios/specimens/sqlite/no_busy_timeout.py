"""Flaw: a database that is busy is not waited for, and a write that fails is dropped silently
(fujibee/agmsg#114).

The correct one waits for its turn, and fails if that does not come."""

import database
from database import Database
from orchestrator import main
from on_sqlite import Twin

database.BUSY_SECONDS = 0


class Dropping(Database):
    def transact(self, change):
        try:
            return super().transact(change)
        except database.Failed:
            with self.connection() as connection:
                return change(self.read(connection))  # the reply is that of a write


class Flawed(Twin):
    registry_kind = Dropping


if __name__ == "__main__":
    main(Flawed)
