# Sessions of agents in tmux, and the processes in them. To be sourced.
#
# A session is made and marked by one client call. tmux matches names by prefix unless told `=name`. A text
# that is not known never means that something is dead. An identity is `PID:START`, START being the start
# time of the process, which tells it from a later one of the same pid.

format='#{session_name}|#{pid}|#{pane_pid}|#{pane_dead}|#{@orc_workspace}|#{@orc_attempt}'

start_of() { # PID: in $value; empty if it is dead
  value=
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
  # shellcheck disable=SC2086
  set -- ${stat##*') '}
  case $1 in
    Z | X) ;;
    *) value=${20} ;;
  esac
}

identity() { # PID: in $value
  start_of "$1"
  value=$1:$value
}

alive() { # IDENTITY
  [ -n "${1#*:}" ] || return 1
  start_of "${1%%:*}"
  [ "$value" = "${1#*:}" ]
}

no_server() { # ERROR
  case $1 in
    'no server running on'* | 'error connecting to'*'No such file'*) return 0 ;;
    *) return 1 ;;
  esac
}

listing() { # in $listed: a session a line, none where no server runs; fails where nothing is known
  for _ in 1 2 3; do
    listed=$(tmux -N list-panes -a -F "$format" 2>&1) && return 0
    if no_server "$listed"; then
      listed=
      return 0
    fi
    sleep 0.2
  done
  return 1
}

session_named() { # NAME: its line of $listed, in $session
  case $newline$listed in
    *"$newline$1|"*) ;;
    *) return 1 ;;
  esac
  session=$newline$listed
  session=$1'|'${session#*"$newline$1|"}
  session=${session%%"$newline"*}
}

session_with() { # TEXT within a line of $listed: the line, in $session
  case $listed in
    *"$1"*) ;;
    *) return 1 ;;
  esac
  session=${listed%%"$1"*}
  session=${session##*"$newline"}$1${listed#*"$1"}
  session=${session%%"$newline"*}
}

split_session() { # $session into $name, $server, $pid, $dead, $mark and $attempt
  IFS='|' read -r name server pid dead mark attempt <<SESSION
$session
SESSION
}

create() { # NAME ATTEMPT COMMAND...: prints the session's line
  name=$1 attempt=$2
  shift 2
  tmux new-session -d -P -F "$format" -s "$name" -x 80 -y 24 -- "$@" \; \
    set-option -t "=$name:" @orc_workspace "$workspace_id" \; \
    set-option -t "=$name:" @orc_attempt "$attempt"
}

end_process() { # IDENTITY SECONDS: waits so long for its end, then kills it
  tries=$(($2 * 20))
  while alive "$1"; do
    [ $tries -eq 0 ] && kill -KILL "${1%%:*}"
    [ $tries -lt -100 ] && return 1
    tries=$((tries - 1))
    sleep 0.05
  done
}

end_session() { # NAME PID
  identity "$2"
  process=$value
  if ! error=$(tmux -N kill-session -t "=$1" 2>&1); then
    case $error in
      "can't find session"* | 'no current target'* | 'server exited'*) ;;
      *) no_server "$error" || return 1 ;;
    esac
  fi
  end_process "$process" 3
}

end_attempt() { # ATTEMPT
  listing || return 1
  session_with "|$1" || return 0
  split_session
  end_session "$name" "$pid"
}
