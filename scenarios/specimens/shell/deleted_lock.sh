#!/bin/sh
# Flaw: whoever lets go of the lock deletes its file; then one who waits for the old file and one who makes a
# new one hold it both (gastownhall/beads#2933).
# The correct one never deletes it.

. "${0%/*}/orchestrator.sh"

locked() { # COMMAND...
  (
    flock 9 || fail "no lock"
    trap 'rm -f "$ws/registry.lock"' EXIT
    "$@"
  ) 9>>"$ws/registry.lock"
}

main "$@"
