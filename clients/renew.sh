#!/usr/bin/env bash
# Pins the newest of the Python packages that NAME/requirements.in names, with all that they need and their digests, in
# NAME/requirements.txt; and node and uv themselves in the same way. install.sh has to have run.
#
#   renew.sh [NAME]...     python, schemathesis, node or uv; all of them if none is named
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

names=("$@")
if [ ${#names[@]} -eq 0 ]; then names=(python schemathesis node uv); fi
for name in "${names[@]}"; do
    .venv/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes --no-annotate \
        --custom-compile-command 'clients/renew.sh' --output-file "$name/requirements.txt" "$name/requirements.in"
done
