#!/bin/sh
# tmux on a busy machine: a listing takes two seconds.
case " $* " in *" list-panes "*) sleep 2 ;; esac
exec tmux "$@"
