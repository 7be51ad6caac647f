#!/bin/sh
# Installs composeports into a virtual environment of its own, and links its programs into PREFIX/bin.
# Dev containers run this file as root, with the options of the feature in VERSION and EXTRAS.
set -eu

prefix=${PREFIX:-/usr/local}
version=${VERSION:-latest}
extras=${EXTRAS:-}
folder=$prefix/share/composeports

fail() {
    echo "composeports: $1" >&2
    exit 1
}

# Both become a part of a requirement of pip, so nothing else may be in them.
case $version in *[!A-Za-z0-9.+!]*) fail "not a version: $version" ;; esac
case $extras in *[!a-z,]*) fail "not a list of extras: $extras" ;; esac

command -v python3 >/dev/null || fail "python3 is missing: add the feature ghcr.io/devcontainers/features/python"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python 3.11 or newer is needed"

requirement=composeports
[ -z "$extras" ] || requirement="$requirement[$extras]"
[ "$version" = latest ] || requirement="$requirement==$version"

python3 -m venv "$folder" || fail "python3 has no module venv: on Debian, install python3-venv"
"$folder/bin/pip" install --no-cache-dir "$requirement"
mkdir -p "$prefix/bin"
for program in composeports compose-up compose-down; do
    ln -sf "$folder/bin/$program" "$prefix/bin/$program"
done
