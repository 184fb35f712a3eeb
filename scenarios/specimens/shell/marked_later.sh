#!/bin/sh
# Flaw: the session is made by one call of tmux and marked by two more, so a SIGKILL in between leaves a
# session that nobody knows for his own (mertkayacs/reevesagents#51).
# The correct one makes and marks it in one call.

. "${0%/*}/orchestrator.sh"

create() { # NAME ATTEMPT COMMAND...
  name=$1 attempt=$2
  shift 2
  tmux new-session -d -P -F "$format" -s "$name" -x 80 -y 24 -- "$@" || return 1
  tmux set-option -t "=$name:" @orc_workspace "$workspace_id" || return 1
  tmux set-option -t "=$name:" @orc_attempt "$attempt"
}

main "$@"
