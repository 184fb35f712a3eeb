"""Flaw: each repair begins with a backup of what is there, be it damaged, and so the last good one is
lost (anthropics/claude-code#29217: 165 backups of a truncated file).

In the correct one only a file that has just been read becomes the backup, and damage is an error."""

import shutil

from orchestrator import Orchestrator, main
from registry import Damaged


class Flawed(Orchestrator):
    def repair(self, dry_run):
        try:
            if not dry_run:
                shutil.copyfile(self.registry.path, self.registry.backup)
            return super().repair(dry_run)
        except Damaged as damage:
            return {"repaired": 0, "findings": [str(damage)]}


if __name__ == "__main__":
    main(Flawed)
