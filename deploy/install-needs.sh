#!/bin/sh
# Installs Debian packages, and only those that are missing.
#
# usage: install-needs.sh PACKAGE:WITNESS...
#
# WITNESS is a command, or with a leading slash a file, that is there when the package is not
# needed. Nothing is said and nothing is done when all are there. SKIP_NEEDS=1 does nothing.
set -eu

[ -z "${SKIP_NEEDS:-}" ] || exit 0

is_present() {
    case "$1" in
        /*) [ -e "$1" ] ;;
        *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

missing=
for need in "$@"; do
    is_present "${need#*:}" || missing="$missing ${need%%:*}"
done
[ -n "$missing" ] || exit 0

fail() {
    printf '%s\n' "$1" >&2
    exit 1
}

if ! command -v apt-get >/dev/null 2>&1; then
    fail "Missing here, by their Debian names:$missing. Install them with this system's own \
package tool, or run make with SKIP_NEEDS=1 if they are there under other paths."
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 \
        || fail "Missing packages:$missing. Run as root: apt-get install$missing"
    as_root=sudo
    # Without a terminal sudo could only wait for a password that nobody types.
    [ -t 0 ] || as_root="sudo -n"
fi

echo "== Installing packages that are missing:$missing"
# $missing and $as_root are lists of words on purpose.
# shellcheck disable=SC2086
if ! $as_root apt-get update -q \
    || ! $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends $missing; then
    fail "Could not install:$missing. Run as root: apt-get install$missing"
fi
