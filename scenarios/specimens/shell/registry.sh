# The registry: one JSON file with an agent a line, changed by one transaction at a time. To be sourced.
#
# A transaction is: lock, read once, decide, write once. The lock is a flock on a file of its own that is
# never deleted; only `locked` has it open, and runs no tmux. A commit is a temporary file, fsync, rename,
# fsync of the folder. What cannot be read is never taken for empty: only `restore` replaces it.
#
# Any child of this shell may be killed alone, and what it should have printed is cut short then. So the
# registry is taken apart and put together without children, and where there are some their exit code is
# looked at. Functions answer in variables: $workspace_id, $agents (a record a line, newest first, each but
# the first with a comma before it), $record, $value, $text.

newline='
'

fail() {
  echo "failed: $*" >&2
  exit 1
}

refuse() {
  echo "refused: $*" >&2
  exit 3
}

random() { # BYTES: in $value
  value=$(od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n')
  [ ${#value} -eq $(($1 * 2)) ] || fail "no random numbers"
}

locked() { # COMMAND...: with the lock, in a subshell, so that it ends with it
  (
    flock 9 || fail "no lock"
    "$@"
  ) 9>>"$ws/registry.lock"
}

is_registry() { # TEXT
  case $1 in
    '{"workspace_id": "'*"$newline]}") return 0 ;;
    *) return 1 ;;
  esac
}

load() {
  text=$(cat "$registry") || fail "there is no registry: run repair"
  is_registry "$text" || fail "$registry is damaged: run repair"
  workspace_id=${text#'{"workspace_id": "'}
  workspace_id=${workspace_id%%'"'*}
  agents=${text#*"$newline"}
  agents=${agents%"$newline]}"}
}

each_agent() { # COMMAND: called with each record
  rest=$agents
  while [ -n "$rest" ]; do
    each=${rest%%"$newline"*}
    rest=${rest#"$each"}
    rest=${rest#"$newline"}
    "$1" "${each#,}"
  done
}

is_active() { # RECORD
  case $1 in
    *'"status": "starting"'* | *'"status": "running"'* | *'"status": "working"'* | \
      *'"status": "blocked"'* | *'"status": "stopping"'*) return 0 ;;
    *) return 1 ;;
  esac
}

count() { # RECORD
  total=$((total + 1))
  if is_active "$1"; then live=$((live + 1)); fi
}

compose() { # in $composed: counts are derived, never kept by hand
  total=0 live=0
  each_agent count
  composed="{\"workspace_id\": \"$workspace_id\", \"active_count\": $live, \"ended_count\": \
$((total - live)), \"total_spawned\": $total, \"agents\": [$newline$agents$newline]}"
}

commit() {
  compose
  [ "$composed" = "$text" ] || save "$composed"
}

write_synced() { # PATH TEXT
  printf '%s\n' "$2" >"$1" && [ "$(cat "$1")" = "$2" ] && sync "$1"
}

save() { # TEXT
  random 4
  temporary=$registry.tmp-$$-$value
  if write_synced "$temporary" "$1" && keep_backup && mv -fT "$temporary" "$registry"; then
    sync "$ws" || fail "cannot sync $ws"
  else
    rm -f "$temporary"
    fail "cannot save the registry"
  fi
}

keep_backup() { # what was read just now is sound; after a save that failed later it is there already
  [ "$registry" -ef "$registry.backup" ] && return 0
  link=$registry.backup.tmp-$$-$value
  ln "$registry" "$link" && mv -fT "$link" "$registry.backup" && return 0
  rm -f "$link"
  return 1
}

restore() {
  text=$(cat "$registry.backup") && is_registry "$text" || fail "there is no good backup"
  random 4
  if [ -e "$registry" ]; then
    ln "$registry" "$registry.damaged-$value" || fail "cannot set the damaged file aside"
  fi
  temporary=$registry.tmp-$$-$value
  write_synced "$temporary" "$text" && mv -fT "$temporary" "$registry" && sync "$ws" ||
    fail "cannot restore the registry"
}

leftovers() { # temporary files, in $value; whoever has the lock knows that their writers are dead
  value=
  for name in "$ws"/registry.json*.tmp-*; do
    [ -e "$name" ] && value="$value$name$newline"
  done
  [ -n "$value" ]
}

sweep() {
  rm -f "$ws"/registry.json*.tmp-*
}

# Records

find_record() { # ID: in $record
  case $agents in
    *"{\"id\": \"$1\","*) ;;
    *) refuse "there is no agent $1" ;;
  esac
  record=${agents#*"{\"id\": \"$1\","}
  record="{\"id\": \"$1\",${record%%"$newline"*}"
}

get() { # NAME RECORD: in $value
  value=${2#*"\"$1\": "}
  value=${value#\"}
  value=${value%%[\",\}]*}
}

put() { # NAME VALUE: a JSON value into $record
  tail=${record#*"\"$1\": "}
  case $tail in
    \"*) tail=${tail#\"} tail=${tail#*\"} ;;
    *) tail=${tail#"${tail%%[!a-z0-9]*}"} ;;
  esac
  record="${record%%"\"$1\": "*}\"$1\": $2$tail"
}

replace() { # ID: $record takes its place in $agents, with the next version
  get version "$record"
  put version $((value + 1))
  before=${agents%%"{\"id\": \"$1\","*}
  after=${agents#"$before"}
  after=${after#"${after%%"$newline"*}"}
  agents=$before$record$after
}
