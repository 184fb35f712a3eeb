#!/bin/sh
# A small orchestrator of agents in tmux sessions, in POSIX shell: the correct one.
#
#   orchestrator.sh COMMAND WORKSPACE ...
#   init [HISTORY]   spawn TASK TYPE [PARENT]   update AGENT [STATUS] [PROGRESS] [MESSAGE]
#   kill AGENT   list   validate   repair [--dry-run]   gate AGENT ATTEMPT PROGRAM
#
# Exit codes: 0 done, 1 failed (may have had effects), 2 usage, 3 refused (no effect).
# A spawn is intent, session, commit; the session's pane runs `gate`, which becomes the agent only if its
# record, read under the lock, still has this attempt and is active. Each later change of a record is a
# compare and set.

set -u
export LC_ALL=C
case $0 in
  /*) here=${0%/*} ;;
  */*) here=$PWD/${0%/*} ;;
  *) here=$PWD ;;
esac
. "$here/registry.sh"
. "$here/sessions.sh"
. "$here/repair.sh"

confirmable() { # RECORD
  is_active "$1" && ! is_stopping "$1"
}

is_stopping() { # RECORD
  case $1 in
    *'"status": "stopping"'*) return 0 ;;
    *) return 1 ;;
  esac
}

has_attempt() { # ATTEMPT RECORD
  get attempt "$2"
  [ "$value" = "$1" ]
}

new_record() { # TASK TYPE PARENT DEPTH STATUS OWNER: in $record
  case $1$2 in
    *[!A-Za-z0-9_-]*) refuse "'$1', '$2': no names" ;;
  esac
  at=$(date -u +%Y-%m-%dT%H:%M:%SZ) || fail "no date"
  stamp=$(date -u +%Y%m%dT%H%M%S) || fail "no date"
  random 6
  id=$2-$stamp-$value
  random 8
  record="{\"id\": \"$id\", \"task\": \"$1\", \"type\": \"$2\", \"parent\": \"$3\", \"depth\": $4, \
\"status\": \"$5\", \"progress\": 0, \"message\": \"\", \"version\": 1, \"tmux_session\": \"agent_$id\", \
\"pid\": null, \"process\": \"\", \"server\": \"\", \"attempt\": \"$value\", \"owner\": \"$6\", \
\"created_at\": \"$at\"}"
}

insert() { # $record, as the newest of $agents
  agents="$record${agents:+$newline,}$agents"
}

init() { # HISTORY: so many agents that have come and gone
  mkdir -p "$ws" && [ ! -e "$registry" ] || fail "$registry exists"
  random 8
  workspace_id=$value agents='' number=0
  while [ $number -lt "${1:-0}" ]; do
    new_record TASK-A "past$number" orchestrator 1 completed ""
    insert
    number=$((number + 1))
  done
  compose
  temporary=$registry.tmp-$$-init
  write_synced "$temporary" "$composed" && ln "$temporary" "$registry.backup" &&
    mv -fT "$temporary" "$registry" && sync "$ws" || fail "cannot make the registry"
}

# Spawn

depth_below() { # TASK PARENT: in $depth
  depth=1
  [ "$2" = orchestrator ] && return
  find_record "$2"
  get task "$record"
  confirmable "$record" && [ "$value" = "$1" ] || refuse "$2 cannot be a parent in $1"
  get depth "$record"
  [ "$value" -lt 5 ] || refuse "$2 is as deep as agents may be"
  depth=$((value + 1))
}

intend() { # TASK TYPE PARENT: prints the workspace's id, the new agent's and its attempt
  load
  depth_below "$1" "$3"
  identity $$
  new_record "$1" "$2" "$3" "$depth" starting "$value"
  insert
  commit
  get attempt "$record"
  echo "$workspace_id $id $value"
}

confirm() { # ID ATTEMPT PID SERVER
  load
  find_record "$1"
  confirmable "$record" && has_attempt "$2" "$record" || fail "agent $1 was given up"
  adopt "$@"
}

adopt() { # ID ATTEMPT PID SERVER: $record becomes theirs
  get status "$record"
  [ "$value" = starting ] && put status '"running"'
  put pid "$3"
  identity "$3"
  put process "\"$value\""
  identity "$4"
  put server "\"$value\""
  put owner '""'
  replace "$1"
  commit
}

end_record() { # ID STATUS: of $record
  put status "\"$2\""
  put owner '""'
  replace "$1"
  commit
}

give_up() { # ID ATTEMPT
  load
  find_record "$1"
  if confirmable "$record" && has_attempt "$2" "$record"; then end_record "$1" failed; fi
}

start() { # ID ATTEMPT: prints the session's line
  program=$(command -v claude) || fail "there is no program claude on PATH"
  create "agent_$1" "$2" /bin/sh "$here/${0##*/}" gate "$ws" "$1" "$2" "$program"
}

spawn() { # TASK TYPE PARENT
  intent=$(locked intend "$1" "$2" "${3:-orchestrator}") || exit $?
  read -r workspace_id id attempt <<INTENT
$intent
INTENT
  if session=$(start "$id" "$attempt"); then
    split_session
    if locked confirm "$id" "${intent##* }" "$pid" "$server"; then
      echo "{\"agent_id\": \"$id\", \"tmux_session\": \"agent_$id\"}" || exit 1
      return
    fi
  fi
  locked give_up "$id" "${intent##* }"
  end_attempt "${intent##* }"
  fail "agent $id did not start"
}

may_run() { # ID ATTEMPT
  load
  find_record "$1"
  confirmable "$record" && has_attempt "$2" "$record"
}

gate() { # ID ATTEMPT PROGRAM
  locked may_run "$1" "$2" || exit 75
  export AGENT_ID="$1"
  exec "$3"
}

# Update, kill, list

report() { # ID STATUS PROGRESS MESSAGE
  load
  find_record "$1"
  get status "$record"
  confirmable "$record" && [ "$value" != starting ] || refuse "agent $1 is $value"
  [ -z "$2" ] || put status "\"$2\""
  [ -z "$3" ] || put progress "$3"
  [ -z "$4" ] || put message "\"$4\""
  replace "$1"
  commit
}

update() { # ID STATUS PROGRESS MESSAGE
  case $2 in
    '' | running | working | blocked | completed | error) ;;
    *) refuse "agents do not report themselves $2" ;;
  esac
  case $3/$4 in
    *[!0-9]*/* | */*[!A-Za-z0-9\ _.:-]*) refuse "no progress or message: '$3' '$4'" ;;
  esac
  locked report "$@" || exit $?
  echo '{"updated": true}' || exit 1
}

claim() { # ID: prints what has to be stopped: attempt, owner, process
  load
  find_record "$1"
  get owner "$record"
  if ! confirmable "$record"; then
    is_stopping "$record" && ! alive "$value" || refuse "agent $1 has ended or is being stopped"
  fi
  put status '"stopping"'
  identity $$
  put owner "\"$value\""
  replace "$1"
  commit
  for name in attempt owner process; do
    get $name "$record"
    printf '%s ' "$value"
  done
}

terminate() { # ID OWNER
  load
  find_record "$1"
  get owner "$record"
  if is_stopping "$record" && [ "$value" = "$2" ]; then end_record "$1" terminated; fi
}

stop() { # ID CLAIM: the record holds its slot until nothing of the agent lives
  read -r claimed_attempt claimed_owner claimed_process <<CLAIM
$2
CLAIM
  end_attempt "$claimed_attempt" && end_process "${claimed_process:-:}" 0 &&
    locked terminate "$1" "$claimed_owner" || fail "agent $1 is not stopped"
}

kill_agent() { # ID
  claim=$(locked claim "$1") || exit $?
  stop "$1" "$claim"
  echo "{\"agent_id\": \"$1\"}" || exit 1
}

list() {
  load
  printf '%s\n' "$text" || exit 1
}

main() {
  [ $# -ge 2 ] || exit 2
  command=$1 ws=$2 registry=$2/registry.json
  shift 2
  case $command in
    init) init "$@" ;;
    spawn) spawn "$1" "$2" "${3:-}" ;;
    update) update "$1" "${2:-}" "${3:-}" "${4:-}" ;;
    kill) kill_agent "$1" ;;
    list) list ;;
    gate) gate "$@" ;;
    validate) repair --dry-run ;;
    repair) repair "${1:-}" ;;
    *) exit 2 ;;
  esac
}

case ${0##*/} in
  orchestrator.sh) main "$@" ;;
esac
