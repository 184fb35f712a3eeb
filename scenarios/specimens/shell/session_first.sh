#!/bin/sh
# Flaw: the session is made before anything is on record, and a save that fails leaves it behind
# (asheshgoplani/agent-deck#90).
# The correct one records its intent first, and marks the session as its workspace's.

. "${0%/*}/orchestrator.sh"

enter() { # TASK TYPE PARENT: the record of $id with the attempt $value, in one transaction
  new_id=$id new_attempt=$value
  load
  depth_below "$1" "$3"
  new_record "$1" "$2" "$3" "$depth" starting ""
  put id "\"$new_id\""
  put tmux_session "\"agent_$new_id\""
  put attempt "\"$new_attempt\""
  insert
  adopt "$new_id" "$new_attempt" "$pid" "$server"
}

spawn() { # TASK TYPE PARENT
  workspace_id=''
  new_record "$1" "$2" "" 1 starting ""
  session=$(create "agent_$id" "$value" env "AGENT_ID=$id" "$(command -v claude)") || exit 1
  split_session
  locked enter "$1" "$2" "${3:-orchestrator}" || exit 1
  echo "{\"agent_id\": \"$id\", \"tmux_session\": \"agent_$id\"}" || exit 1
}

main "$@"
