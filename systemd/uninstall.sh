#!/bin/sh
# Removes sms-gateway. Configuration, messages and the user stay, unless --purge is given.

set -eu

NAME=sms-gateway
COMMAND=/usr/local/bin/$NAME

say() { printf '%s\n' "$*"; }
die() {
    printf 'uninstall.sh: %s\n' "$*" >&2
    exit 1
}

usage() {
    say "Usage: sudo $0 [--purge]"
    say "  --purge  remove the configuration and all messages too; they can't be brought back"
}

PURGE=no
for argument in "$@"; do
    case $argument in
    --purge) PURGE=yes ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
done

[ "$(id -u)" -eq 0 ] || die "this needs root: run  sudo $0"
[ ! -e "/usr/lib/systemd/system/$NAME.service" ] ||
    die "it was installed as a package: run  apt-get remove $NAME,  or  apt-get purge $NAME"

if [ -d /run/systemd/system ]; then
    systemctl disable --quiet --now "$NAME" 2>/dev/null || true
fi
rm -rf "/etc/systemd/system/$NAME.service" "/etc/systemd/system/multi-user.target.wants/$NAME.service"
rm -f "/etc/sysusers.d/$NAME.conf" "/etc/tmpfiles.d/$NAME.conf" "/etc/modules-load.d/$NAME.conf" "/etc/udev/rules.d/77-$NAME.rules"
# Debian has this folder only once something is in it.
rmdir --ignore-fail-on-non-empty /etc/sysusers.d 2>/dev/null || true
if [ "$(readlink "$COMMAND" 2>/dev/null || true)" = "/opt/$NAME/bin/$NAME" ]; then
    rm -f "$COMMAND"
fi
rm -rf "/opt/$NAME"
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    udevadm control --reload || true
fi

if [ "$PURGE" = yes ]; then
    rm -rf "/etc/${NAME:?}" "/etc/systemd/system/$NAME.service.d" "/var/lib/$NAME" "/run/$NAME"
    if id "$NAME" >/dev/null 2>&1; then
        userdel "$NAME"
    fi
    if getent group "$NAME" >/dev/null; then
        groupdel "$NAME"
    fi
    say "Removed sms-gateway, its configuration and its messages"
else
    say "Removed sms-gateway. /etc/$NAME and /var/lib/$NAME stay; uninstall.sh --purge removes them too"
fi
