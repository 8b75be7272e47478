#!/bin/sh
# SPDX-License-Identifier: MIT
# Install the Debian packages that a task needs, if any are missing.
#
#     cmake/setup.sh GROUP...      groups: build run test apps package system bench fuzz
#                                   format
#
# Does nothing, and asks for no rights, where everything is there already. On a system without
# dpkg it only says what is needed.
set -eu

build='gcc cmake ninja-build make pkg-config libexpat1-dev libmd-dev libsystemd-dev libcap-ng-dev
    libaudit-dev libselinux1-dev libapparmor-dev uthash-dev libglib2.0-dev scdoc'
run='dbus dbus-daemon dbus-tests libglib2.0-bin systemd python3 python3-dbus python3-gi'
test="$run libglib2.0-tests libdbus-1-dev dbus-x11 dbus-broker g++ strace valgrind spin
    xdg-dbus-proxy xvfb x11-utils dpkg-dev libx11-dev libxml2-utils"
apps="$run dbus-bin dbus-tests dbus-x11 g++ libdbus-1-dev qtbase5-dev qtbase5-dev-tools qdbus-qt5
    libdbus-glib-1-dev libdbus-glib-1-dev-bin libdbus-c++-dev libdbus-c++-bin libnet-dbus-perl
    python3-dbussy avahi-daemon avahi-utils bluez wpasupplicant connman ofono dnsmasq-base iproute2
    at-spi2-core python3-pyatspi libatk-bridge2.0-dev pulseaudio pulseaudio-utils pipewire
    pipewire-bin pipewire-pulse wireplumber jackd2 rtkit cups-daemon cups-client oddjob gpsd
    tcpdump"
package='dpkg-dev libx11-dev'
system='debootstrap systemd-container'
bench='dbus-daemon dbus-broker libdbus-1-dev strace valgrind gnuplot-nox'
fuzz='clang'
format='clang-format'

installed() {
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing_of() {
    for package in "$@"; do
        installed "$package" || printf '%s ' "$package"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        return 1
    fi
}

install_missing() {
    # shellcheck disable=SC2046,SC2048,SC2086  # a list of words is what is wanted
    missing=$(missing_of $*)
    [ -n "$missing" ] || return 0
    echo "Installing $missing"
    # shellcheck disable=SC2086
    if ! as_root env DEBIAN_FRONTEND=noninteractive sh -ec '
            apt-get update --quiet --quiet
            apt-get install --quiet --quiet --yes --no-install-recommends "$@"' apt $missing \
            </dev/null; then
        echo "Could not install packages. As root, run:" >&2
        echo "    apt-get install $missing" >&2
        return 1
    fi
}

packages=
for group in "$@"; do
    case $group in
    build) packages="$packages $build" ;;
    run) packages="$packages $run" ;;
    test) packages="$packages $test" ;;
    apps) packages="$packages $apps" ;;
    package) packages="$packages $package" ;;
    system) packages="$packages $system" ;;
    bench) packages="$packages $bench" ;;
    fuzz) packages="$packages $fuzz" ;;
    format) packages="$packages $format" ;;
    *)
        echo "usage: $0 {build|run|test|apps|package|system|bench|fuzz|format}..." >&2
        exit 2
        ;;
    esac
done

if ! command -v dpkg-query >/dev/null; then
    echo "This is no Debian system, so nothing is installed. Needed, by Debian's names:" >&2
    # shellcheck disable=SC2086
    echo "   " $packages >&2
    exit 0
fi

install_missing "$packages"
case " $* " in
*' fuzz '*)
    # The runtime of libFuzzer and the sanitizers is packaged by the version of clang.
    install_missing "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
    ;;
esac
