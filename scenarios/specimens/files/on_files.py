"""The orchestrator of ../python with a file for each agent as its registry: the correct one."""

from files import Files  # first: it says where the rest is
from orchestrator import Orchestrator, main


class Twin(Orchestrator):
    registry_kind = Files

    def new_id(self, document, _kind):
        """The next number. Records are never removed, and the lock is held until it has its folder."""
        return f"{document['workspace_id']}-{len(document['agents'])}"


if __name__ == "__main__":
    main(Twin)
