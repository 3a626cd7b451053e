"""What the drivers in this folder share: settings, steps, and what they do beside the client they drive."""

import base64
import contextlib
import json
import os
import ssl
import sys
import urllib.request
import uuid

URL = os.environ["METERBRIDGE_URL"].rstrip("/")
CA = os.environ["METERBRIDGE_CA"]

_failed = []


@contextlib.contextmanager
def step(name):
    """Says how a step ended; whatever it raises is a failure, and the next step follows."""
    try:
        yield
    except Exception as error:  # a driver reports all that goes wrong, whatever it is
        _failed.append(name)
        print(f"FAIL {name}: {type(error).__name__}: {' '.join(str(error).split())}", flush=True)
    else:
        print(f"ok {name}", flush=True)


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def finish():
    """Ends the program: with 1 if a step failed."""
    print(f"{len(_failed)} steps failed" if _failed else "all steps passed")
    sys.exit(1 if _failed else 0)


def trust():
    return ssl.create_default_context(cafile=CA)


def registration_token(cloud_id, **changes):
    """What a stack makes for its registration: base64 of JSON."""
    token = {
        "billingModel": "PayAsYouUse",
        "objectId": str(uuid.uuid4()),
        "cloudId": cloud_id,
        "marketplaceSyndicationEnabled": True,
        "usageReportingEnabled": True,
        "hardwareInfo": [{"name": "node-1", "numCores": 32, "uuid": str(uuid.uuid4())}],
        "issuer": "azurestack",
        "version": "1.0",
    }
    return base64.b64encode(json.dumps({**token, **changes}).encode()).decode()


def approve_multi_tenancy(cloud_id):
    """What an operator does after a partner's mail; none of Azure's clients has a command for it."""
    request = urllib.request.Request(
        f"{URL}/api/v1/registrations/{cloud_id}/approve-multi-tenancy",
        method="POST",
        headers={"Authorization": f"Bearer {os.environ['METERBRIDGE_CREDENTIAL']}"},
    )
    urllib.request.urlopen(request, context=trust()).close()
