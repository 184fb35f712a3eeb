#!/bin/sh
# tmux on a bad day: every other listing fails, with a text that says nothing about any session.
case " $* " in
  *" list-panes "*)
    printf . >> "$HOME/listings"
    if [ $(($(wc -c < "$HOME/listings") % 2)) -eq 1 ]; then
      echo "error connecting to ${TMUX_TMPDIR:-/tmp} (Resource temporarily unavailable)" >&2
      exit 1
    fi
    ;;
esac
exec tmux "$@"
