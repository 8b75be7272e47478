#!/bin/sh
# SPDX-License-Identifier: MIT
### BEGIN INIT INFO
# Provides:          dbus
# Required-Start:    $remote_fs $syslog
# Required-Stop:     $remote_fs $syslog
# Default-Start:     2 3 4 5
# Default-Stop:
# Short-Description: D-Bus system message bus
# Description:       The bus by which services of the system are called.
### END INIT INFO

# Starts and stops the system bus where systemd does not.

daemon=/usr/bin/dbus-daemon
directory=/run/dbus
pidfile=$directory/pid
user=messagebus
PARAMS=

[ -x "$daemon" ] || exit 0
[ -r /etc/default/dbus ] && . /etc/default/dbus
. /lib/lsb/init-functions

start() {
    log_daemon_msg "Starting system message bus" dbus
    install -d -o "$user" -g "$user" "$directory"
    dbus-uuidgen --ensure
    # A file of a bus that was killed would keep the next one from starting.
    pidofproc -p "$pidfile" "$daemon" >/dev/null || rm -f "$pidfile"
    # Looking up users must not call systemd by the bus that is looking them up.
    # shellcheck disable=SC2086  # several words
    SYSTEMD_NSS_BYPASS_BUS=1 start-stop-daemon --start --oknodo --quiet --pidfile "$pidfile" \
        --exec "$daemon" -- --system $PARAMS
    log_end_msg $?
}

stop() {
    log_daemon_msg "Stopping system message bus" dbus
    # By its pid file only: the program may have been replaced meanwhile.
    start-stop-daemon --stop --retry 5 --oknodo --quiet --pidfile "$pidfile" --user "$user"
    log_end_msg $?
    rm -f "$pidfile"
}

reload() {
    log_daemon_msg "Reloading configuration of system message bus" dbus
    dbus-send --system --print-reply --dest=org.freedesktop.DBus /org/freedesktop/DBus \
        org.freedesktop.DBus.ReloadConfig >/dev/null
    log_end_msg $?
}

case ${1:-} in
start) start ;;
stop) stop ;;
restart) stop && start ;;
reload | force-reload) reload ;;
status) status_of_proc -p "$pidfile" "$daemon" dbus ;;
*)
    echo "usage: $0 {start|stop|restart|reload|force-reload|status}" >&2
    exit 2
    ;;
esac
