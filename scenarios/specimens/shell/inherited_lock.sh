#!/bin/sh
# Flaw: tmux is called with the lock held and its descriptor open. A server that this call happens to start
# keeps it, and so the lock, for ever (leopu00/job-hunter-team#214).
# In the correct one the lock is held by a subshell that starts no tmux.

. "${0%/*}/orchestrator.sh"

start() { # ID ATTEMPT
  program=$(command -v claude) || fail "there is no program claude on PATH"
  locked create "agent_$1" "$2" /bin/sh "$here/${0##*/}" gate "$ws" "$1" "$2" "$program"
}

main "$@"
