#!/bin/sh
# Flaw: two instances share a registry without any lock (smtg-ai/claude-squad#323).
# The correct one holds a flock from before it reads until after it has written.

. "${0%/*}/orchestrator.sh"

locked() {
  ("$@")
}

main "$@"
