"""The orchestrator of ../python with an SQLite database as its registry: the correct one."""

from database import Database  # first: it says where the rest is
from orchestrator import Orchestrator, main


class Twin(Orchestrator):
    registry_kind = Database


if __name__ == "__main__":
    main(Twin)
