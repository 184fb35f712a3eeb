"""The orchestrator of ../python with a file for each agent as its registry: the correct one."""

from files import Files  # first: it says where the rest is
from orchestrator import Orchestrator, main


class Twin(Orchestrator):
    registry_kind = Files

    def new_id(self, document, _kind):
        """The next number that has no folder; the lock is held until it has."""
        numbers = [int(name.rpartition("-")[2]) for name in self.registry.names()]
        return f"{document['workspace_id']}-{max([len(document['agents']), *numbers]) + 1}"


if __name__ == "__main__":
    main(Twin)
