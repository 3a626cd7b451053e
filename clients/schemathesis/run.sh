#!/usr/bin/env bash
# Lets schemathesis try a server against one description of it, and leaves with its exit code: 0 if no answer was a 5xx,
# of an undocumented status, of another content type or of another shape than described.
#
#   run.sh DESCRIPTION [option of `schemathesis run`]...
#
# DESCRIPTION is a swagger file, or the address of an OpenAPI document. The settings: METERBRIDGE_URL, METERBRIDGE_CA
# and METERBRIDGE_TOKEN, an access token or an operator's credential. Further METERBRIDGE_PARAMETERS, `name=value` parted
# by blanks: what a parameter always is, so that not every request is for something that is not there.
# An option given replaces the one given here: `run.sh FILE --phases coverage --mode negative`.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ $# -lt 1 ]; then
    echo "usage: $0 DESCRIPTION [option]..." >&2
    exit 2
fi
description=$1
shift
# Relative paths stay what they are for the caller, though schemathesis runs elsewhere (it writes files where it runs).
# The swagger files say of api-version that it is any text; what it has to be is their own version.
api_version=
if [ -f "$description" ]; then
    description=$(realpath "$description")
    api_version=$("$here/../.venv/schemathesis/bin/python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["info"]["version"])' "$description")
fi
ca=$(realpath "$METERBRIDGE_CA")

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
{
    echo "hooks = \"$here/checks.py\""
    echo '[parameters]'
    if [ -n "$api_version" ]; then echo "api-version = \"$api_version\""; fi
    for parameter in ${METERBRIDGE_PARAMETERS:-}; do echo "${parameter%%=*} = \"${parameter#*=}\""; done
} >"$folder/schemathesis.toml"

cd "$folder"
"$here/../.venv/schemathesis/bin/schemathesis" --config-file schemathesis.toml run "$description" \
    --url "${METERBRIDGE_URL%/}" \
    --tls-verify "$ca" \
    --header "Authorization: Bearer $METERBRIDGE_TOKEN" \
    --phases examples,fuzzing \
    --mode positive \
    --checks response_schema_conformance,status_code_conformance,not_a_server_error,content_type_of_bodies \
    --max-examples 50 \
    --generation-deterministic \
    --no-color \
    "$@"
