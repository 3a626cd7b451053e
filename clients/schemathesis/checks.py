"""What schemathesis loads beside its own checks: two of ours, and what no generator would come upon."""

import base64
import json
import os

import schemathesis
from schemathesis.specs.openapi.checks import content_type_conformance

CLOUD_ID = os.environ.get("METERBRIDGE_CLOUD_ID")


@schemathesis.check
def content_type_of_bodies(ctx, response, case):
    """An answer with a body is of a documented content type. One without a body has none; the original wants one."""
    if response.content:
        return content_type_conformance(ctx, response, case)
    return None


@schemathesis.check
def success_is_documented(ctx, response, case):
    """A success is described under its own status: `default`, which the original takes for any, describes refusals."""
    documented = case.operation.responses.status_codes
    assert response.status_code >= 400 or str(response.status_code) in documented, (
        f"{response.status_code} is none of the documented {', '.join(documented)}"
    )


def registration_token(body):
    properties = body.get("properties") if isinstance(body, dict) else None
    token = properties.get("registrationToken") if isinstance(properties, dict) else None
    return token if isinstance(token, str) else None


@schemathesis.hook
def map_body(_, body):
    """A registration token is any text to the swagger, and base64 of JSON to a server: every other one is made such."""
    token = registration_token(body)
    if CLOUD_ID is None or token is None or len(token) % 2:
        return body
    token = base64.b64encode(json.dumps({"cloudId": CLOUD_ID, "billingModel": "PayAsYouUse"}).encode()).decode()
    return {**body, "properties": {**body["properties"], "registrationToken": token}}
