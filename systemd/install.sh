#!/bin/sh
# Installs sms-gateway from this checkout, or upgrades it: a virtual environment in /opt/sms-gateway, a user and a
# group of that name, /etc/sms-gateway/gateway.toml (never overwritten), the systemd unit. The checkout stays as it is.

set -eu
umask 022
# The system's own python3: the service can't use an interpreter that lives in somebody's home.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

NAME=sms-gateway
PREFIX=/opt/$NAME
CONFIG=/etc/$NAME
COMMAND=/usr/local/bin/$NAME
HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
SOURCE=$(dirname -- "$HERE")

say() { printf '%s\n' "$*"; }
die() {
    printf 'install.sh: %s\n' "$*" >&2
    exit 1
}

usage() {
    say "Usage: sudo $0 [--no-start]"
    say "  --no-start  install the service, but neither enable nor start it"
}

check_host() {
    [ "$(id -u)" -eq 0 ] || die "this needs root: run  sudo $0"
    # Units in /etc win over those of packages, so the two ways to install can't be mixed.
    [ ! -e "/usr/lib/systemd/system/$NAME.service" ] ||
        die "the package $NAME is installed: upgrade that, or run  apt-get remove $NAME  first (messages stay)"
    for tool in systemctl systemd-sysusers systemd-tmpfiles; do
        command -v "$tool" >/dev/null || die "$tool is missing: sms-gateway needs a Linux system with systemd"
    done
    command -v python3 >/dev/null || die "python3 is missing: run  apt-get install python3 python3-venv"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "Python 3.11 or newer is needed, this is $(python3 --version)"
    python3 -c 'import ensurepip, venv' 2>/dev/null ||
        die "Python's venv module is missing: run  apt-get install python3-venv"
    python3 -c 'import sys; sys.exit(sys.maxsize < 2**32)' ||
        die "a 64-bit system is needed: python-gammu has no packages for 32 bits ($(uname -m))"
}

# From a copy, because a build leaves files behind. The wheels come first: while they are fetched, an old version
# goes on working, and if that fails nothing has changed.
fetch_packages() {
    say "Fetching packages ..."
    mkdir "$WORK/source"
    (cd "$SOURCE" && cp -R pyproject.toml README.md LICENSE gateway drivers "$WORK/source/")
    python3 -m venv "$WORK/builder"
    { builder_pip download --only-binary :all: --require-hashes --no-deps --dest "$WORK/wheels" \
        -r "$SOURCE/requirements.lock" &&
        builder_pip install --no-index --find-links "$WORK/wheels" hatchling editables &&
        builder_pip wheel --no-deps --no-build-isolation --wheel-dir "$WORK/wheels" "$WORK/source"; } ||
        die "the packages could not be fetched or built (see above); nothing was changed"
}

builder_pip() { "$WORK/builder/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }

# An environment belongs to one interpreter. After an upgrade of the system it needs another one.
make_environment() {
    identity='import sys; print(sys.base_prefix, sys.version_info[:2])'
    if [ -d "$PREFIX" ] && [ "$("$PREFIX/bin/python" -c "$identity" 2>/dev/null)" != "$(python3 -c "$identity")" ]; then
        say "Making a new environment for $(python3 --version) ..."
        python3 -m venv --clear "$PREFIX"
    else
        python3 -m venv "$PREFIX"
    fi
    say "Installing into $PREFIX ..."
    pip_install --upgrade "$NAME"
    install -D -m 0644 "$HERE/gateway.example.toml" "$PREFIX/share/$NAME/gateway.example.toml"
    # An equal version number does not mean equal code.
    pip_install --force-reinstall --no-deps "$NAME"
    if [ -L "$COMMAND" ] || [ ! -e "$COMMAND" ]; then
        ln -sfn "$PREFIX/bin/$NAME" "$COMMAND"
    else
        say "$COMMAND is another program and stays; the command is $PREFIX/bin/$NAME"
    fi
}

pip_install() {
    "$PREFIX/bin/python" -m pip install --quiet --disable-pip-version-check --no-index --find-links "$WORK/wheels" "$@"
}

install_files() {
    install -D -m 0644 "$HERE/$NAME.sysusers" "/etc/sysusers.d/$NAME.conf"
    systemd-sysusers "/etc/sysusers.d/$NAME.conf"
    install -D -m 0644 "$HERE/$NAME.tmpfiles" "/etc/tmpfiles.d/$NAME.conf"
    systemd-tmpfiles --create "/etc/tmpfiles.d/$NAME.conf"
    install -D -m 0644 "$HERE/$NAME.modules-load" "/etc/modules-load.d/$NAME.conf"
    install -D -m 0644 "$HERE/77-$NAME.rules" "/etc/udev/rules.d/77-$NAME.rules"
    install -D -m 0644 "$HERE/$NAME.service" "/etc/systemd/system/$NAME.service"
    if [ -e "$CONFIG/gateway.toml" ]; then
        say "Keeping $CONFIG/gateway.toml"
    else
        install -m 0640 -o root -g "$NAME" "$HERE/gateway.example.toml" "$CONFIG/gateway.toml"
        say "Wrote $CONFIG/gateway.toml"
    fi
}

start() {
    # As the service's user, who must be able to read the file and the secrets beside it.
    (cd / && runuser -u "$NAME" -- "$PREFIX/bin/$NAME" -c "$CONFIG/gateway.toml" check) ||
        die "$CONFIG/gateway.toml has faults (see above): mend them, then run $0 again"
    systemctl daemon-reload
    systemctl restart systemd-modules-load.service || say "Some kernel modules could not be loaded; see above"
    udevadm control --reload || say "udev did not reload its rules; unplug the modems and plug them in again"
    systemctl enable --quiet "$NAME"
    systemctl restart "$NAME" || die "the service did not start: see  journalctl -u $NAME -n 50"
}

START=yes
for argument in "$@"; do
    case $argument in
    --no-start) START=no ;;
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

check_host
WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/$NAME.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
trap 'exit 1' HUP INT TERM

fetch_packages
RUNNING=no
if [ -d /run/systemd/system ]; then
    RUNNING=yes
    systemctl stop "$NAME" 2>/dev/null || true
fi
make_environment
install_files
if [ "$RUNNING" = no ]; then
    say "systemd does not run here, so the service was not started"
elif [ "$START" = no ]; then
    systemctl daemon-reload
    say "Installed. Start it with  systemctl enable --now $NAME"
else
    start
    say "sms-gateway runs. Its state:  sms-gateway status;  its log:  journalctl -u $NAME"
fi
say "Who may use it without root joins its group:  usermod -aG $NAME ${SUDO_USER:-USER}"
