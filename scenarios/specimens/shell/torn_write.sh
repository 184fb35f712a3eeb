#!/bin/sh
# Flaw: the registry is emptied and written in place, under its lock: a crash in between leaves a part of it,
# or nothing (anthropics/claude-code#29217: a truncated file is read).
# The correct one writes a temporary file, syncs it and renames it.

. "${0%/*}/orchestrator.sh"

save() { # TEXT
  printf '%s\n' "$1" >"$registry" && sync "$registry" || fail "cannot save the registry"
}

main "$@"
