# What is wrong between the registry and the sessions, and how it is put right. To be sourced.
#
# The sessions are listed before and after the registry is read: a session of the first listing has had its
# record by then, a record without one in the second has lost it.

presence() { # RECORD: there, gone or unknown, in $present
  present=there
  get tmux_session "$1"
  if session_named "$value"; then
    split_session
    get pid "$1"
    if [ "$value" = "$pid" ]; then
      get process "$1"
      alive "$value" && return
    fi
  fi
  get server "$1"
  present=gone
  case $listed in
    *"|${value%%:*}|"*) ;;
    *) alive "$value" && present=unknown ;; # it lives on behind a socket that somebody removed
  esac
}

diagnose_record() { # RECORD
  is_active "$1" || return 0
  get owner "$1"
  alive "$value" && return
  get id "$1"
  id=$value
  get version "$1"
  version=$value
  get process "$1"
  if is_stopping "$1"; then
    echo "finish $id $version"
  elif [ -n "$value" ]; then
    presence "$1"
    if [ "$present" = gone ]; then echo "ghost $id $version"; fi
  elif get attempt "$1" && session_with "|0|$workspace_id|$value"; then
    split_session
    echo "adopt $id $version $pid $server"
  else
    echo "ghost $id $version"
  fi
}

is_wanted() { # RECORD
  if is_active "$1" && has_attempt "$attempt" "$1"; then wanted=yes; fi
}

is_ours() { # of $session
  [ "$mark" = "$workspace_id" ]
}

diagnose_orphans() { # SESSIONS-BEFORE
  lines=$listed
  while [ -n "$lines" ]; do
    session=${lines%%"$newline"*}
    lines=${lines#"$session"}
    lines=${lines#"$newline"}
    case $newline$1$newline in
      *"$newline$session$newline"*) ;;
      *) continue ;;
    esac
    split_session
    is_ours || continue
    wanted=no
    each_agent is_wanted
    [ $wanted = yes ] || echo "orphan $name $pid"
  done
}

examine() { # prints a finding a line, and a last one that says that these are all
  listing || fail "tmux does not say what is there"
  earlier=$listed
  load
  listing || fail "tmux does not say what is there"
  each_agent diagnose_record
  diagnose_orphans "$earlier"
  compose
  [ "$composed" = "$text" ] || echo recount
  if leftovers; then echo sweep; fi
  echo all
}

unchanged() { # ID VERSION: $record, if it still is what was diagnosed
  load
  find_record "$1"
  get version "$record"
  [ "$value" = "$2" ] || exit 4
}

mend_ghost() { # ID VERSION
  unchanged "$1" "$2"
  end_record "$1" failed
}

mend_adopt() { # ID VERSION PID SERVER
  unchanged "$1" "$2"
  adopt "$@"
}

mend_stop() { # ID VERSION: prints the claim
  unchanged "$1" "$2"
  claim "$1"
}

recount() {
  load
  commit
}

end_ghost() { # ID VERSION: its process first, which nobody would look for later
  load
  find_record "$1"
  get attempt "$record"
  lost=$value
  get process "$record"
  end_process "${value:-:}" 0 || fail "the process of $1 does not end"
  locked mend_ghost "$1" "$2" || exit $?
  end_attempt "$lost"
}

finish_stop() { # ID VERSION
  claim=$(locked mend_stop "$1" "$2") || exit $?
  stop "$1" "$claim"
}

apply() { # KIND ...
  case $1 in
    ghost) end_ghost "$2" "$3" ;;
    adopt) locked mend_adopt "$2" "$3" "$4" "$5" ;;
    finish) finish_stop "$2" "$3" ;;
    orphan) end_session "$2" "$3" ;;
    recount) locked recount ;;
    sweep) locked sweep ;;
  esac
}

damaged() { # unless the reading itself fails
  [ -e "$registry" ] || return 0
  text=$(cat "$registry") || fail "cannot read $registry"
  ! is_registry "$text"
}

restore_if_damaged() {
  if damaged; then restore; fi
}

repair() { # [--dry-run]
  repaired=0
  if damaged; then
    repaired=1
    if [ "$1" = --dry-run ]; then
      echo '{"repaired": 1, "findings": "damaged"}' || exit 1
      return
    fi
    locked restore_if_damaged || exit $?
  fi
  findings=$(examine) || exit $?
  rest=$findings
  while [ "$rest" != all ]; do
    finding=${rest%%"$newline"*}
    rest=${rest#*"$newline"}
    [ "$finding" != "$rest" ] || fail "the findings were cut short"
    # shellcheck disable=SC2086
    if [ "$1" != --dry-run ]; then (apply $finding); fi
    case $? in
      0) repaired=$((repaired + 1)) ;;
      4) ;; # it is something else by now
      *) fail "could not put right: $finding" ;;
    esac
  done
  echo "{\"repaired\": $repaired}" || exit 1
}
