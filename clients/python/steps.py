"""What the drivers in this folder share: settings, steps, and what they do beside the client they drive."""

import base64
import contextlib
import html.parser
import http.cookiejar
import json
import os
import ssl
import sys
import urllib.parse
import urllib.request
import uuid

URL = os.environ["METERBRIDGE_URL"].rstrip("/")
CA = os.environ["METERBRIDGE_CA"]
USER = os.environ["METERBRIDGE_USER"]
PASSWORD = os.environ["METERBRIDGE_PASSWORD"]

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


class FirstForm(html.parser.HTMLParser):
    """Where the first form of a page is sent to, and the values it already has."""

    def __init__(self):
        super().__init__()
        self.action = None
        self.values = {}

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "form" and self.action is None:
            self.action = given.get("action") or ""
        elif tag == "input" and given.get("name") and given.get("type") == "hidden":
            self.values[given["name"]] = given.get("value") or ""


def approve_device(verification_url, user_code):
    """What the user does in a browser: opens the page, types the code, looks at who asks, types name and password."""
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    browser = urllib.request.build_opener(urllib.request.HTTPSHandler(context=trust()), cookies)
    page = browser.open(verification_url)
    for typed in (
        {"user_code": user_code},
        {"username": USER, "password": PASSWORD, "decision": "approve"},
    ):
        with page:
            form = FirstForm()
            form.feed(page.read().decode())
            address = urllib.parse.urljoin(page.url, form.action or "")
        page = browser.open(address, data=urllib.parse.urlencode({**form.values, **typed}).encode())
    page.close()


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
