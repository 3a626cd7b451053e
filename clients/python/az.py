"""Drives a Meterbridge server with the Azure command line, as the documentation that operators follow tells them to.

Settings come from the environment; ../README.md lists them. `az` is taken from the environment this Python runs in.
Prints one line for each step and exits with 1 if one failed.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import uuid

from steps import CA, URL, USER, approve_device, approve_multi_tenancy, expect, finish, registration_token, step

TENANT = os.environ["METERBRIDGE_TENANT"]
CLIENT_ID = os.environ["METERBRIDGE_CLIENT_ID"]
SECRET = os.environ["METERBRIDGE_CLIENT_SECRET"]
CERTIFICATE = os.environ["METERBRIDGE_CLIENT_CERTIFICATE"]
PRINCIPAL = os.environ["METERBRIDGE_PRINCIPAL"]
PRINCIPAL_APPLICATION = os.environ["METERBRIDGE_PRINCIPAL_APPLICATION"]
SUBSCRIPTION = os.environ["METERBRIDGE_SUBSCRIPTION"]
CUSTOMER = os.environ["METERBRIDGE_CUSTOMER_SUBSCRIPTION"]
GROUP = os.environ.get("METERBRIDGE_RESOURCE_GROUP", "azurestack-az")

CLOUD = "Meterbridge"
ENTRA_CLOUD = "MeterbridgeEntra"
REGISTRATION_OWNER = "Azure Stack Registration Owner"
REGISTRATION_OWNER_ID = "6f12a6df-dd06-4f3e-bcb1-ce8be600526a"
LOCK = "RegistrationResourceLock"
COMMAND_TIMEOUT_SECONDS = 120

CLOUD_ID = str(uuid.uuid4())
NAME = f"AzureStack-{CLOUD_ID}"
REGISTRATION = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.AzureStack/registrations/{NAME}"
)
MAPPING = f"{REGISTRATION}/customerSubscriptions/{CUSTOMER}"
NAMED = ["-g", GROUP, "--resource", NAME, "--resource-type", "Microsoft.AzureStack/registrations"]

AZ = str(pathlib.Path(sys.executable).with_name("az"))


def run(*arguments, output="json"):
    return subprocess.run(
        [AZ, *arguments, "--only-show-errors", "--output", output],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_SECONDS,
        check=False,
    )


def az(*arguments):
    """What the command answers, from JSON; None if it says nothing."""
    done = run(*arguments)
    if done.returncode != 0:
        raise AssertionError(f"az {' '.join(arguments[:3])} left with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout) if done.stdout.strip() else None


def az_fails(reason, *arguments):
    """The command fails, and tells the reader why."""
    done = run(*arguments)
    expect(done.returncode != 0, "the command succeeded")
    expect(reason in done.stderr, f"the error does not say {reason!r}: {done.stderr}")


def login_with_device_code(*arguments):
    """Signs in as a user: az shows a code and waits, the user types it elsewhere."""
    # az shows the code as a warning, so --only-show-errors would hide it.
    waiting = subprocess.Popen(
        [AZ, "login", "--use-device-code", *arguments, "--output", "json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(COMMAND_TIMEOUT_SECONDS, waiting.kill)
    watchdog.start()
    try:
        said = ""
        for line in waiting.stderr:
            said += line
            address, code = re.search(r"https://\S+", said), re.search(r"\b[A-Z0-9]{4}-?[A-Z0-9]{4,5}\b", said)
            if address and code:
                approve_device(address.group().rstrip("."), code.group())
                break
        else:
            raise AssertionError(f"no address and code: {said}")
        accounts, rest = waiting.communicate()
    finally:
        watchdog.cancel()
        waiting.kill()
        waiting.wait()
    expect(waiting.returncode == 0, f"az login left with {waiting.returncode}: {rest}")
    return json.loads(accounts)


def register_cloud():
    """Both ways to tell az where this cloud is. The first is all that is needed."""
    with step("cloud register with nothing but the resource manager"):
        az("cloud", "register", "-n", CLOUD, "--endpoint-resource-manager", URL)
        endpoints = az("cloud", "show", "-n", CLOUD)["endpoints"]
        expect(endpoints["activeDirectory"].endswith("/adfs"), f"authority {endpoints['activeDirectory']}")
        expect(endpoints["activeDirectoryResourceId"], "no audience")
        expect(endpoints["microsoftGraphResourceId"], "no graph, which role assignments need")
    with step("cloud register with the endpoints given"):
        # Below this server's own URL every tenant has an authority of Entra's shape.
        register_with(ENTRA_CLOUD, {**endpoints, "activeDirectory": URL})
        shown = az("cloud", "show", "-n", ENTRA_CLOUD)["endpoints"]
        expect(shown["activeDirectory"].rstrip("/") == URL, f"authority {shown['activeDirectory']}")


def register_with(cloud, endpoints):
    az(
        *("cloud", "register", "-n", cloud, "--endpoint-resource-manager", URL),
        *("--endpoint-active-directory", endpoints["activeDirectory"]),
        *("--endpoint-active-directory-resource-id", endpoints["activeDirectoryResourceId"]),
        *("--endpoint-active-directory-graph-resource-id", endpoints["microsoftGraphResourceId"]),
        *("--endpoint-management", endpoints["activeDirectoryResourceId"]),
    )


def set_cloud(cloud):
    with step(f"cloud set {cloud}"):
        az("cloud", "set", "-n", cloud)
        active = [one["name"] for one in az("cloud", "list") if one["isActive"]]
        expect(active == [cloud], f"{active} is active")


def expect_account(accounts, user, kind):
    expect(SUBSCRIPTION in [one["id"] for one in accounts], f"no subscription {SUBSCRIPTION} among {accounts}")
    one = next(one for one in accounts if one["id"] == SUBSCRIPTION)
    expect(one["tenantId"] == TENANT, f"tenant {one['tenantId']}")
    expect(one["user"] == {"name": user, "type": kind}, f"user {one['user']}")


def principal(tenant):
    return ["login", "--service-principal", "-u", CLIENT_ID, "--tenant", tenant]


def sign_in_to_entra():
    # az would ask Microsoft whether it knows the authority.
    az("config", "set", "core.instance_discovery=false")
    set_cloud(ENTRA_CLOUD)
    sign_in()
    with step("logout of Entra's authority"):
        az("logout")
        expect(az("account", "list") == [], "is still signed in")
    az("config", "unset", "core.instance_discovery")


def sign_in():
    with step("login with a wrong secret is refused"):
        az_fails("ERROR", *principal(TENANT), "-p", "not-the-secret")
    with step("login at a tenant that does not exist is refused"):
        az_fails("ERROR", *principal(str(uuid.uuid4())), "-p", "not-the-secret")
    with step("login as a user with a device code, at a tenant"):
        expect_account(login_with_device_code("--tenant", TENANT), USER, "user")
    with step("group list as the user"):
        expect(isinstance(az("group", "list"), list), "no list")
    with step("a token for another audience comes of the refresh token"):
        token = az("account", "get-access-token", "--resource", "https://management.azure.com/")
        expect(token["tenant"] == TENANT and token["accessToken"], "no token")
    with step("logout of the user"):
        az("logout")
        expect(az("account", "list") == [], "is still signed in")
        az("account", "clear")
    with step("login as a user with a device code, without a tenant"):
        expect_account(login_with_device_code(), USER, "user")
        az("account", "clear")
    with step("login as a service principal with a secret"):
        expect_account(az(*principal(TENANT), "-p", SECRET), CLIENT_ID, "servicePrincipal")
        az("account", "clear")
    with step("login as a service principal at the domain of the tenant"):
        expect_account(az(*principal(USER.partition("@")[2]), "-p", SECRET), CLIENT_ID, "servicePrincipal")
        az("account", "clear")
    with step("login as a service principal with a certificate"):
        expect_account(az(*principal(TENANT), "--certificate", CERTIFICATE), CLIENT_ID, "servicePrincipal")
    with step("account set, show and list"):
        az("account", "set", "-s", SUBSCRIPTION)
        expect(az("account", "show")["id"] == SUBSCRIPTION, "another subscription")
        expect_account(az("account", "list"), CLIENT_ID, "servicePrincipal")
    with step("role assignment list of a user's name"):
        # The directory is asked about the name, with a token of its own.
        listed = az("role", "assignment", "list", "--assignee", USER, "--scope", f"/subscriptions/{SUBSCRIPTION}")
        given = [(one["principalName"], one["roleDefinitionName"]) for one in listed]
        expect(given == [(USER, "Reader")], f"lists {given}")
    with step("account list-locations"):
        expect("westcentralus" in [one["name"] for one in az("account", "list-locations")], "no westcentralus")


def providers():
    for namespace in ("Microsoft.AzureStack", "Microsoft.Commerce"):
        with step(f"provider register {namespace}"):
            az("provider", "register", "-n", namespace, "--wait")
            state = az("provider", "show", "-n", namespace)["registrationState"]
            expect(state == "Registered", f"is {state}")
    with step("provider show"):
        shown = az("provider", "show", "-n", "Microsoft.AzureStack")
        types = {one["resourceType"].lower() for one in shown["resourceTypes"]}
        expect("registrations/customersubscriptions" in types, f"types {sorted(types)}")
    with step("provider list"):
        names = {one["namespace"] for one in az("provider", "list")}
        expect({"Microsoft.AzureStack", "Microsoft.Authorization"} <= names, f"lists {sorted(names)}")


def groups():
    with step("group create"):
        made = az("group", "create", "-n", GROUP, "-l", "westcentralus")
        expect(made["properties"]["provisioningState"] == "Succeeded", f"made {made}")
    with step("group update"):
        az("group", "update", "-n", GROUP, "--tags", "team=billing")
    with step("group show"):
        expect(az("group", "show", "-n", GROUP)["tags"] == {"team": "billing"}, "other tags")
    with step("group list"):
        expect(GROUP in [one["name"] for one in az("group", "list")], "not listed")
    with step("group exists"):
        expect(az("group", "exists", "-n", GROUP) is True, "does not exist")
        expect(az("group", "exists", "-n", f"{GROUP}-missing") is False, "exists")
    with step("group show of a missing one"):
        az_fails("ResourceGroupNotFound", "group", "show", "-n", f"{GROUP}-missing")


def registrations():
    version = ["--api-version", "2017-06-01"]
    properties = json.dumps({"registrationToken": registration_token(CLOUD_ID)})
    with step("resource create of a registration"):
        made = az(
            *("resource", "create", "--id", REGISTRATION, *version),
            *("--location", "global", "--properties", properties),
        )
        expect(made["properties"]["cloudId"] == CLOUD_ID, f"made {made}")
    with step("resource create of a registration, without a version"):
        again = az("resource", "create", "--id", REGISTRATION, "--location", "global", "--properties", properties)
        expect(again["id"] == made["id"], f"made {again}")
    for given, words in (("with", version), ("without", [])):
        with step(f"resource show of a registration, {given} a version"):
            expect(az("resource", "show", "--ids", REGISTRATION, *words)["name"] == NAME, "another name")
        with step(f"resource tag of a registration, {given} a version"):
            tagged = az("resource", "tag", "--ids", REGISTRATION, "--tags", f"written={given}", *words)
            expect(tagged["tags"] == {"written": given}, f"tags {tagged['tags']}")
            expect(tagged["properties"]["cloudId"] == CLOUD_ID, "tagging changed the registration")
    with step("resource show of a missing registration"):
        az_fails("ResourceNotFound", "resource", "show", "--ids", f"{REGISTRATION}-missing", *version)
    with step("resource show with an unknown version"):
        az_fails("2017-06-01", "resource", "show", "--ids", REGISTRATION, "--api-version", "2031-01-01")
    for name, words in (("of a group", ["-g", GROUP]), ("of a subscription", [])):
        with step(f"resource list {name}"):
            expect(NAME in [one["name"] for one in az("resource", "list", *words)], "not listed")
    with step("resource list of a type"):
        kind = "Microsoft.AzureStack/registrations"
        expect(NAME in [one["name"] for one in az("resource", "list", "--resource-type", kind)], "not listed")
    with step("rest get of the activation key"):
        answer = az("rest", "--method", "post", "--url", f"{REGISTRATION}/GetActivationKey?api-version=2017-06-01")
        expect(len(answer["activationKey"].split(".")) == 3, "not a signed token")


def customer_subscriptions():
    version = ["--api-version", "2017-06-01"]
    with step("resource create of a mapping before the approval is refused"):
        az_fails(
            "UnauthorizedCspRegistration", "resource", "create", "--id", MAPPING, *version, "--properties", "{}"
        )
    with step("multi-tenancy is approved"):
        approve_multi_tenancy(CLOUD_ID)
    with step("resource show of a mapping that is not there"):
        az_fails("CustomerSubscriptionNotFound", "resource", "show", "--ids", MAPPING, *version)
    for given, words in (("with", version), ("without", [])):
        with step(f"resource create of a mapping, {given} a version"):
            made = az("resource", "create", "--id", MAPPING, *words, "--properties", "{}")
            expect(made["properties"]["tenantId"], "no tenant")
            expect(not made.get("location"), f"has the location {made.get('location')}")
        with step(f"resource show of a mapping, {given} a version"):
            shown = az("resource", "show", "--ids", MAPPING, *words)
            expect(shown["name"].lower() == f"{NAME}/{CUSTOMER}".lower(), f"name {shown['name']}")
        with step(f"rest get of the mappings, made {given} a version"):
            listed = az("rest", "--method", "get", "--url", f"{MAPPING.rpartition('/')[0]}?api-version=2022-06-01")
            expect([one["id"].lower() for one in listed["value"]] == [MAPPING.lower()], f"lists {listed}")
        with step(f"resource tag of a mapping, {given} a version, changes nothing"):
            # There are no tags on them, in Azure either.
            az("resource", "tag", "--ids", MAPPING, "--tags", "team=billing", *words)
            again = az("resource", "show", "--ids", MAPPING, *words)
            expect(again["properties"] == shown["properties"] and not again.get("tags"), f"is now {again}")
        with step(f"resource delete of a mapping, {given} a version"):
            az("resource", "delete", "--ids", MAPPING, *words)
            az_fails("CustomerSubscriptionNotFound", "resource", "show", "--ids", MAPPING, *version)


def locks():
    with step("lock create"):
        made = az("lock", "create", "-n", LOCK, "--lock-type", "CanNotDelete", *NAMED, "--notes", "kept")
        expect(made["level"] == "CanNotDelete", f"made {made}")
    with step("lock list"):
        expect(LOCK in [one["name"] for one in az("lock", "list", *NAMED)], "not listed")
    with step("lock show"):
        expect(az("lock", "show", "-n", LOCK, *NAMED)["notes"] == "kept", "other notes")
    with step("resource delete of a locked registration is refused"):
        az_fails("failed to be deleted", "resource", "delete", "--ids", REGISTRATION)
        # Why, the command tells only with --verbose, among much else.
        url = f"{REGISTRATION}?api-version=2017-06-01"
        az_fails("ScopeLocked", "rest", "--method", "delete", "--url", url)
    with step("group delete with a locked registration is refused"):
        az_fails("ScopeLocked", "group", "delete", "-n", GROUP, "-y")
    with step("lock delete"):
        az("lock", "delete", "-n", LOCK, *NAMED)
        expect(az("lock", "list", *NAMED) == [], "is still listed")
    with step("lock create and delete of a group"):
        az("lock", "create", "-n", LOCK, "--lock-type", "CanNotDelete", "-g", GROUP)
        expect(LOCK in [one["name"] for one in az("lock", "list", "-g", GROUP)], "not listed")
        az("lock", "delete", "-n", LOCK, "-g", GROUP)
        expect(az("lock", "list", "-g", GROUP) == [], "is still listed")


def assign_to(assignee, kind, shown):
    """Gives a role to whom az finds in the directory by this text, and takes it away again."""
    reader = ["--assignee", assignee, "--role", "Reader", "--scope", REGISTRATION]
    made = az("role", "assignment", "create", *reader)
    expect(made["principalType"] == kind, f"made {made}")
    expect(kind == "User" or made["principalId"] == PRINCIPAL, f"made {made}")
    listed = az("role", "assignment", "list", *reader)
    expect([one["principalName"] for one in listed] == [shown], f"lists {listed}")
    table = run("role", "assignment", "list", *reader, output="table")
    expect(table.returncode == 0 and shown in table.stdout, f"shows {table.stdout}{table.stderr}")
    az("role", "assignment", "delete", *reader)
    expect(az("role", "assignment", "list", *reader) == [], "is still listed")


def roles():
    with step("role definition list"):
        (role,) = az("role", "definition", "list", "-n", REGISTRATION_OWNER)
        expect(role["name"] == REGISTRATION_OWNER_ID, f"id {role['name']}")
        names = {one["roleName"] for one in az("role", "definition", "list")}
        built_in = {"Owner", "Contributor", "Reader", "User Access Administrator", REGISTRATION_OWNER}
        expect(built_in <= names, f"no {sorted(built_in - names)}")
    by_object = ["--assignee-object-id", PRINCIPAL, "--scope", REGISTRATION]
    with step("role assignment create"):
        given = [*by_object, "--assignee-principal-type", "ServicePrincipal", "--role", REGISTRATION_OWNER]
        made = az("role", "assignment", "create", *given)
        expect(made["principalId"] == PRINCIPAL, f"made {made}")
        expect(made["roleDefinitionId"].endswith(REGISTRATION_OWNER_ID), f"made {made}")
    with step("role assignment create again answers the one that is there"):
        expect(az("role", "assignment", "create", *given)["name"] == made["name"], "made a second one")
    for name, words in (("at a scope", ["--scope", REGISTRATION]), ("of a principal", by_object), ("all", ["--all"])):
        with step(f"role assignment list {name}"):
            listed = {one["name"]: one for one in az("role", "assignment", "list", *words)}
            expect(made["name"] in listed, "not listed")
            expect(listed[made["name"]]["roleDefinitionName"] == REGISTRATION_OWNER, "without the role's name")
    assignees = (
        ("an object id", PRINCIPAL, "ServicePrincipal", PRINCIPAL_APPLICATION),
        ("an application id", PRINCIPAL_APPLICATION, "ServicePrincipal", PRINCIPAL_APPLICATION),
        ("a user's name", USER, "User", USER),
    )
    for name, assignee, kind, shown in assignees:
        with step(f"role assignment create, list and delete of {name}"):
            assign_to(assignee, kind, shown)
    with step("role assignment create of nobody is refused"):
        reader = ["--role", "Reader", "--scope", REGISTRATION]
        for nobody in ("nobody@nowhere.example", str(uuid.uuid4())):
            az_fails("Cannot find user", "role", "assignment", "create", "--assignee", nobody, *reader)
    with step("role assignment delete"):
        az("role", "assignment", "delete", *by_object, "--role", REGISTRATION_OWNER_ID)
        left = az("role", "assignment", "list", *by_object, "--fill-principal-name", "false")
        expect(left == [], f"{left} is left")


def remove():
    properties = json.dumps({"registrationToken": registration_token(CLOUD_ID)})
    for given, words in (("with", ["--api-version", "2017-06-01"]), ("without", [])):
        with step(f"resource delete of a registration, {given} a version"):
            az("resource", "create", "--id", REGISTRATION, "--location", "global", "--properties", properties)
            az("resource", "delete", "--ids", REGISTRATION, *words)
            az_fails("ResourceNotFound", "resource", "show", "--ids", REGISTRATION)
    with step("group delete"):
        az("group", "delete", "-n", GROUP, "-y")
        expect(az("group", "exists", "-n", GROUP) is False, "exists")
    with step("logout"):
        az("logout")
        expect(az("account", "list") == [], "is still signed in")


def main():
    with tempfile.TemporaryDirectory(prefix="az-") as settings:
        os.environ.update(AZURE_CONFIG_DIR=settings, REQUESTS_CA_BUNDLE=CA, AZURE_CORE_COLLECT_TELEMETRY="no")
        register_cloud()
        sign_in_to_entra()
        set_cloud(CLOUD)
        sign_in()
        providers()
        groups()
        registrations()
        customer_subscriptions()
        locks()
        roles()
        remove()
    finish()


if __name__ == "__main__":
    main()
