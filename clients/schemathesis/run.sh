#!/usr/bin/env bash
# Lets schemathesis try a server against one description of it, and leaves with its exit code: 0 if no answer was a 5xx,
# of an undocumented status, of another content type or of another shape than described.
#
#   run.sh DESCRIPTION [option of `schemathesis run`]...
#
# DESCRIPTION is a swagger file, or the address of an OpenAPI document. The settings: METERBRIDGE_URL, METERBRIDGE_CA
# and METERBRIDGE_TOKEN, an access token or an operator's credential. Further METERBRIDGE_PARAMETERS, `name=value` parted
# by blanks: what a parameter always is, so that not every request is for something that is not there. And
# METERBRIDGE_CLOUD_ID, a stack that may be registered: some of the registration tokens that are made up are then its.
# An option given replaces the one given here: `run.sh FILE --phases coverage --mode negative`.
#
# What is sent is what the description allows, and what it does not. Every check of schemathesis is made but these:
#   content_type_conformance  wants a content type on answers without a body, too: checks.py has one that does not
#   positive_data_acceptance  a description says "text" where a registration token, a name or a month is wanted; what is
#                             none is refused although the description allows it
#   missing_required_header,  whoever fails to sign in again and again is slowed down, so that the 401 that they look for
#   ignored_auth              becomes a 429; that no route lets a stranger in is a test of crates/server
#   negative_data_rejection   not for swagger files: those of Azure require more than its own clients send, a registration's
#                             location (and that it is "global"), its token where only tags are set, a tenant's body
# The health check filter_too_much finds fault with operations of which nothing can be got wrong: all of their parameters
# are given here.
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
left_out=content_type_conformance,positive_data_acceptance,missing_required_header,ignored_auth
if [ -f "$description" ]; then
    left_out+=,negative_data_rejection
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
    --phases examples,coverage,fuzzing \
    --mode all \
    --checks all \
    --exclude-checks "$left_out" \
    --suppress-health-check filter_too_much \
    --max-examples 50 \
    --generation-deterministic \
    --no-color \
    "$@"
