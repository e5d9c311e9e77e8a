#!/bin/sh
# Builds dist/sms-gateway_VERSION_ARCH.deb with nothing but dpkg-deb and pip. The package carries its wheels, for each
# Python of Debian 12 and 13, so that it installs without network. What is fetched must have the hashes of the lock.
#
# Usage: build.sh amd64|arm64 [FOLDER]    PYTHON: an interpreter with pip and hatchling (default: .venv/bin/python)
#                                         WHEELS: where what was fetched is kept (default: build/wheels)

set -eu
umask 022

NAME=sms-gateway
PYTHONS="3.11 3.13"
HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
SOURCE=$(dirname -- "$(dirname -- "$HERE")")
PYTHON=${PYTHON:-$SOURCE/.venv/bin/python}
ARCH=${1:-}
OUT=${2:-$SOURCE/dist}
WHEELS=${WHEELS:-$SOURCE/build/wheels}

die() {
    printf 'build.sh: %s\n' "$*" >&2
    exit 1
}

case $ARCH in
amd64) MACHINE=x86_64 ;;
arm64) MACHINE=aarch64 ;;
*) die "say for which machine: amd64 or arm64" ;;
esac
command -v dpkg-deb >/dev/null || die "dpkg-deb is missing: run  apt-get install dpkg"
"$PYTHON" -c 'import hatchling' 2>/dev/null || die "$PYTHON has no hatchling: run  make install"

pip() { "$PYTHON" -m pip --quiet --disable-pip-version-check "$@"; }

# for_python VERSION COMMAND …: runs pip for that Python on that machine, and never builds anything.
for_python() {
    version=$1
    shift
    pip "$@" --only-binary :all: --implementation cp --python-version "$version" \
        --abi "cp$(printf %s "$version" | tr -d .)" --abi abi3 --abi none \
        --platform "manylinux_2_28_$MACHINE" --platform "manylinux_2_17_$MACHINE" --platform "manylinux2014_$MACHINE"
}

WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/$NAME-deb.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
trap 'exit 1' HUP INT TERM
ROOT=$WORK/root
SHARE=$ROOT/usr/share/$NAME

# From a copy, because a build leaves files behind.
mkdir -p "$WORK/source" "$SHARE/wheels" "$WHEELS" "$OUT"
(cd "$SOURCE" && cp -R pyproject.toml README.md LICENSE gateway drivers "$WORK/source/")
find "$WORK/source" -name __pycache__ -prune -exec rm -rf {} +
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    SOURCE_DATE_EPOCH=$(git -C "$SOURCE" log -1 --format=%ct 2>/dev/null || date +%s)
fi
export SOURCE_DATE_EPOCH
pip wheel --no-deps --no-build-isolation --wheel-dir "$WORK" "$WORK/source"
WHEEL=$(echo "$WORK"/sms_gateway-*.whl)
VERSION=$(basename "$WHEEL" | cut -d- -f2)

for python in $PYTHONS; do
    locked=$WHEELS/$ARCH-$python-$(sha256sum "$SOURCE/requirements.lock" | cut -c1-16)
    if [ ! -e "$locked" ]; then
        rm -rf "$locked.part"
        for_python "$python" download --require-hashes --no-deps -r "$SOURCE/requirements.lock" --dest "$locked.part"
        mv "$locked.part" "$locked"
    fi
    # Of what is locked only what the program needs at run time.
    for_python "$python" download --no-index --find-links "$locked" --dest "$SHARE/wheels" "$WHEEL"
done

install -m 0644 "$SOURCE/systemd/gateway.example.toml" "$SHARE/gateway.example.toml"
install -D -m 0644 "$SOURCE/systemd/$NAME.service" "$ROOT/usr/lib/systemd/system/$NAME.service"
install -D -m 0644 "$SOURCE/systemd/$NAME.sysusers" "$ROOT/usr/lib/sysusers.d/$NAME.conf"
install -D -m 0644 "$SOURCE/systemd/$NAME.tmpfiles" "$ROOT/usr/lib/tmpfiles.d/$NAME.conf"
install -D -m 0644 "$SOURCE/systemd/$NAME.modules-load" "$ROOT/usr/lib/modules-load.d/$NAME.conf"
install -D -m 0644 "$SOURCE/systemd/77-$NAME.rules" "$ROOT/usr/lib/udev/rules.d/77-$NAME.rules"
install -D -m 0644 "$HERE/copyright" "$ROOT/usr/share/doc/$NAME/copyright"
install -d "$ROOT/usr/bin"
ln -s "/opt/$NAME/bin/$NAME" "$ROOT/usr/bin/$NAME"

install -d "$ROOT/DEBIAN"
SIZE=$(du -sk --apparent-size "$ROOT" | cut -f1)
sed -e "s/@VERSION@/$VERSION/" -e "s/@ARCH@/$ARCH/" -e "s/@SIZE@/$SIZE/" "$HERE/control" >"$ROOT/DEBIAN/control"
install -m 0644 "$HERE/triggers" "$ROOT/DEBIAN/triggers"
install -m 0755 "$HERE/preinst" "$HERE/postinst" "$HERE/prerm" "$HERE/postrm" "$ROOT/DEBIAN/"
(cd "$ROOT" && find usr -type f -exec md5sum {} + | sort -k2) >"$ROOT/DEBIAN/md5sums"

dpkg-deb --root-owner-group -Zxz -z1 --build "$ROOT" "$OUT/${NAME}_${VERSION}_$ARCH.deb" >/dev/null
printf '%s\n' "$OUT/${NAME}_${VERSION}_$ARCH.deb"
