"""Correct; its agents are numbered, so the name of one is the beginning of another's: `…-1`, `…-10`.

The twin of prefix_match.py."""

from orchestrator import Orchestrator, main


class Numbered(Orchestrator):
    def new_id(self, document, _kind):
        """Records are never removed, so their number is unused."""
        return f"{document['workspace_id']}-{len(document['agents'])}"


if __name__ == "__main__":
    main(Numbered)
