#!/bin/sh
# Starts what ROLE says: web or worker as this very process; all (the default) as both of them under supervisord.
# Wants nothing but to read its own folder and to write to /tmp, whoever runs it and wherever.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

if [ "${ROLE:-all}" != all ]; then
  exec node "$here/dist/main.js" "$@"
fi

# supervisord ends with 0 also when it gave a program up (Supervisor#733), and then no platform starts the container
# again. So this shell stays, passes signals on, and ends with 1 when the listener in supervisord.conf sends it USR1.
supervisor=
stopping=
gave_up=
interrupted=
stop() {
  interrupted=1
  stopping=1
  [ -z "$supervisor" ] || kill -s TERM "$supervisor" 2>/dev/null || :
}
trap stop TERM INT HUP QUIT
trap 'interrupted=1; gave_up=1' USR1

# Runs until the child has ended, however often a signal interrupts the wait; leaves its status in $status.
wait_for() {
  while :; do
    interrupted=
    status=0
    wait "$1" || status=$?
    if [ -z "$interrupted" ] || ! kill -0 "$1" 2>/dev/null; then break; fi
  done
}

OTPOST_STARTER=$$
export OTPOST_STARTER
# supervisord opens /dev/fd/1 once more for each program. Where that is refused (a pipe of another user, as in some container
# runtimes; a socket, as under systemd) a pipe of our own stands in between. So it does where it is a file: each opening has
# a place of its own in it, and one writes over the lines of the other.
forwarder=
if [ ! -f /dev/fd/1 ] && (: >>/dev/fd/1) 2>/dev/null; then
  supervisord -c "$here/supervisord.conf" "$@" 2>&1 &
  supervisor=$!
else
  pipes=$(mktemp -d)
  mkfifo "$pipes/out"
  # It ends when all have hung up, and not by a signal to the whole group, such as that of Ctrl-C.
  (trap '' INT TERM HUP QUIT; exec cat "$pipes/out") &
  forwarder=$!
  supervisord -c "$here/supervisord.conf" "$@" >"$pipes/out" 2>&1 &
  supervisor=$!
fi
[ -z "$stopping" ] || stop
wait_for "$supervisor"
ended_with=$status

if [ -n "$forwarder" ]; then
  wait_for "$forwarder"
  rm -rf "$pipes"
fi
[ -z "$gave_up" ] || exit 1
exit "$ended_with"
