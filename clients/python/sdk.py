"""Drives a Meterbridge server with Azure's own Python SDK: azure-identity to sign in, azure-mgmt-azurestack then.

Settings come from the environment; ../README.md lists them. Prints one line for each step, exits with 1 if one failed.
"""

import base64
import contextlib
import functools
import inspect
import json
import logging
import os
import urllib.request
import uuid

from azure.core.credentials import AccessToken
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.core.rest import HttpRequest
from azure.identity import CertificateCredential, ClientSecretCredential, DeviceCodeCredential
from azure.mgmt.azurestack import AzureStackManagementClient
from azure.mgmt.azurestack.models import CustomerSubscription, LinkedSubscriptionParameter, RegistrationParameter

from steps import CA, URL, approve_device, approve_multi_tenancy, expect, finish, registration_token, step, trust

# Where the SDK looks for what to trust.
os.environ["REQUESTS_CA_BUNDLE"] = CA

CLIENT_ID = os.environ["METERBRIDGE_CLIENT_ID"]
SECRET = os.environ["METERBRIDGE_CLIENT_SECRET"]
CERTIFICATE = os.environ["METERBRIDGE_CLIENT_CERTIFICATE"]
TENANT = os.environ["METERBRIDGE_TENANT"]
SUBSCRIPTION = os.environ["METERBRIDGE_SUBSCRIPTION"]
CUSTOMER = os.environ["METERBRIDGE_CUSTOMER_SUBSCRIPTION"]
OF_ANOTHER_PARTNER = os.environ["METERBRIDGE_FOREIGN_SUBSCRIPTION"]
NOT_CSP = os.environ["METERBRIDGE_NON_CSP_SUBSCRIPTION"]
UNRESOLVABLE = os.environ.get("METERBRIDGE_UNRESOLVABLE_SUBSCRIPTION")
GROUP = os.environ.get("METERBRIDGE_RESOURCE_GROUP", "azurestack-python")

# azure-identity also logs what it raises.
logging.getLogger("azure").setLevel(logging.CRITICAL)


@contextlib.contextmanager
def refused(kind, status, code):
    """The SDK raises its own `kind` of exception, with our status and code."""
    try:
        yield
    except kind as error:
        got = (error.status_code, error.error.code if error.error else None)
        expect(got == (status, code), f"refused with {got} instead of {(status, code)}")
        expect(error.error.message, "the refusal has no message")
    else:
        raise AssertionError(f"was not refused with {code}")


def audience():
    """What the server says its tokens are for."""
    with urllib.request.urlopen(f"{URL}/metadata/endpoints?api-version=2022-09-01", context=trust()) as answer:
        return json.load(answer)["authentication"]["audiences"][0].rstrip("/")


class Forged:
    """A credential that hands out a token nobody signed."""

    def get_token(self, *scopes, **_):
        head, claims = ({"alg": "none", "typ": "JWT"}, {"aud": audience(), "tid": TENANT, "oid": CLIENT_ID})
        parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (head, claims)]
        return AccessToken(".".join([*parts, ""]), 2**40)


def client_for(credential):
    return AzureStackManagementClient(
        credential, SUBSCRIPTION, base_url=URL, credential_scopes=[f"{audience()}/.default"], retry_total=0
    )


# `adfs` instead of a tenant makes the SDK take any host for an authority. At a tenant's own authority it would ask
# Microsoft about the host first, and has to be told not to.
AUTHORITIES = {
    "the authority of the cloud": {"tenant_id": "adfs", "authority": URL},
    "the tenant's authority": {"tenant_id": TENANT, "authority": URL, "disable_instance_discovery": True},
}


def sign_in():
    """The client that signed in with a secret. Nothing works without it, so its failure ends the run."""
    scope = f"{audience()}/.default"
    for name, authority in AUTHORITIES.items():
        sign_in_at(name, authority, scope)
    with step("another tenant's authority refuses the application"):
        another = {**AUTHORITIES["the tenant's authority"], "tenant_id": str(uuid.uuid4())}
        refused_token(ClientSecretCredential(client_id=CLIENT_ID, client_secret=SECRET, **another), scope)
    secret = ClientSecretCredential("adfs", CLIENT_ID, SECRET, authority=URL)
    with step("a token for another audience is refused"):
        refused_token(secret, "https://somebody.else.example/.default")
    with step("a token that nobody signed is refused"):
        with contextlib.closing(client_for(Forged())) as forged, refused_sign_in():
            list(forged.operations.list())
    return client_for(secret)


def sign_in_at(name, authority, scope):
    application = {"client_id": CLIENT_ID, **authority}
    with step(f"sign in with a secret at {name}"):
        expect(ClientSecretCredential(client_secret=SECRET, **application).get_token(scope).token, "no token")
    with step(f"a wrong secret is refused at {name}"):
        refused_token(ClientSecretCredential(client_secret="not-the-secret", **application), scope)
    with step(f"sign in with a certificate at {name}"):
        certificate = CertificateCredential(certificate_path=CERTIFICATE, **application)
        expect(certificate.get_token(scope).token, "no token")
    with step(f"sign in with a certificate and its chain at {name}"):
        chain = CertificateCredential(certificate_path=CERTIFICATE, send_certificate_chain=True, **application)
        expect(chain.get_token(scope).token, "no token")
    with step(f"sign in as a user with a device code at {name}"):
        prompts = []

        def prompt(address, code, _):
            prompts.append(code)
            approve_device(address, code)

        user = DeviceCodeCredential(prompt_callback=prompt, **authority)
        with contextlib.closing(client_for(user)) as as_user:
            list(as_user.registrations.list_by_subscription())
        # Another audience: the SDK has a refresh token, and does not bother the user again.
        expect(user.get_token("https://management.azure.com/.default").token, "no token")
        expect(len(prompts) == 1, f"the user was asked {len(prompts)} times")


def refused_token(credential, scope):
    try:
        credential.get_token(scope)
    except ClientAuthenticationError as error:
        expect("not-the-secret" not in str(error), "the error shows the secret")
    else:
        raise AssertionError("was handed out")


@contextlib.contextmanager
def refused_sign_in():
    try:
        yield
    except ClientAuthenticationError as error:
        expect(error.status_code == 401, f"status {error.status_code}")
        expect("Bearer" in error.response.headers.get("WWW-Authenticate", ""), "no WWW-Authenticate: Bearer")
    else:
        raise AssertionError("was not refused")


def watch(client):
    """Every operation that the SDK has, and the set of those that are called from now on."""
    every, called = set(), set()
    for group, operations in vars(client).items():
        if "operations" not in type(operations).__module__.split("."):
            continue
        for name, operation in inspect.getmembers(operations, inspect.ismethod):
            if not name.startswith("_"):
                every.add(f"{group}.{name}")
                setattr(operations, name, noted(called, f"{group}.{name}", operation))
    return every, called


def noted(called, name, operation):
    @functools.wraps(operation)
    def call(*arguments, **options):
        called.add(name)
        return operation(*arguments, **options)

    return call


def create_group(client):
    with step("create the resource group"):
        url = f"{URL}/subscriptions/{SUBSCRIPTION}/resourcegroups/{GROUP}?api-version=2024-11-01"
        client._client.send_request(HttpRequest("PUT", url, json={"location": "westcentralus"})).raise_for_status()


def provider(client):
    with step("operations.list"):
        operations = list(client.operations.list())
        names = {operation.name.lower() for operation in operations}
        expect("microsoft.azurestack/registrations/read" in names, f"no registrations/read among {sorted(names)}")
    with step("cloud_manifest_file.list"):
        client.cloud_manifest_file.list()
    with step("cloud_manifest_file.get"):
        answer_or_refusal(lambda: client.cloud_manifest_file.get("latest"))
    with step("cloud_manifest_file.get of a date"):
        answer_or_refusal(lambda: client.cloud_manifest_file.get("latest", version_creation_date="2026-11-01"))
    with step("linked_subscriptions.list_by_subscription"):
        expect(list(client.linked_subscriptions.list_by_subscription()) == [], "there are linked subscriptions")
    with step("linked_subscriptions.list_by_resource_group"):
        expect(list(client.linked_subscriptions.list_by_resource_group(GROUP)) == [], "there are linked subscriptions")


def linked_subscriptions(client, name):
    """None can be linked here, and the SDK is told so in its own words."""
    operations = client.linked_subscriptions
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
    registration_id = f"{group}/providers/Microsoft.AzureStack/registrations/{name}"
    body = LinkedSubscriptionParameter(
        location="global", linked_subscription_id=SUBSCRIPTION, registration_resource_id=registration_id
    )
    for name, call in (("create_or_update", operations.create_or_update), ("update", operations.update)):
        with step(f"linked_subscriptions.{name} is refused"):
            with refused(ResourceExistsError, 409, "LinkedSubscriptionsNotSupported"):
                call(GROUP, "linked", body)
    with step("linked_subscriptions.get of a missing one"), refused(ResourceNotFoundError, 404, "ResourceNotFound"):
        operations.get(GROUP, "linked")
    with step("linked_subscriptions.delete of a missing one"):
        operations.delete(GROUP, "linked")


def answer_or_refusal(call):
    """An operation that a Meterbridge need not have still answers in the shape the SDK knows."""
    try:
        call()
    except HttpResponseError as error:
        expect(error.status_code < 500, f"status {error.status_code}")
        expect(error.error and error.error.code and error.error.message, "no code or no message")


def registrations(client, name, cloud_id):
    operations = client.registrations
    token = registration_token(cloud_id)
    with step("registrations.get of a missing one"):
        with refused(ResourceNotFoundError, 404, "ResourceNotFound"):
            operations.get(GROUP, name)
    with step("registrations.create_or_update"):
        made = operations.create_or_update(
            GROUP, name, RegistrationParameter(location="global", registration_token=token)
        )
        expect(made.cloud_id == cloud_id, f"cloudId {made.cloud_id}")
        expect(made.billing_model == "PayAsYouUse", f"billingModel {made.billing_model}")
        expect(made.location.lower() == "global", f"location {made.location}")
        expect(made.etag and made.etag.startswith('"') and made.etag.endswith('"'), f"etag {made.etag}")
    with step("registrations.create_or_update again, from JSON"):
        body = {"location": "global", "properties": {"registrationToken": token}}
        expect(operations.create_or_update(GROUP, name, body).name == name, "another name")
    with step("registrations.get"):
        expect(operations.get(GROUP, name).type == "Microsoft.AzureStack/registrations", "another type")
    with step("registrations.update"):
        body = RegistrationParameter(location="global", registration_token=token)
        expect(operations.update(GROUP, name, body).name == name, "another name")
    with step("registrations.list"):
        expect(name in [one.name for one in operations.list(GROUP)], "not listed")
    with step("registrations.list_by_subscription"):
        expect(name in [one.name for one in operations.list_by_subscription()], "not listed")
    with step("registrations.get_activation_key"):
        key = operations.get_activation_key(GROUP, name).activation_key
        expect(len(key.split(".")) == 3, "not a signed token")
    with step("registrations.enable_remote_management"):
        operations.enable_remote_management(GROUP, name)
    with step("registrations.create_or_update with a stale etag"):
        try:
            operations.create_or_update(GROUP, name, body, headers={"If-Match": '"stale"'})
        except HttpResponseError as error:
            expect(error.status_code == 412, f"status {error.status_code}")
        else:
            raise AssertionError("was not refused")
    with step("products.list"):
        expect(list(client.products.list(GROUP, name)) == [], "there are products")
    with step("products.get"):
        answer_or_refusal(lambda: client.products.get(GROUP, name, "nothing"))
    with step("products.list_details"):
        answer_or_refusal(lambda: client.products.list_details(GROUP, name, "nothing"))
    with step("products.get_products"):
        answer_or_refusal(lambda: client.products.get_products(GROUP, name, "_all", {}))
    with step("products.get_product"):
        answer_or_refusal(lambda: client.products.get_product(GROUP, name, "nothing", {}))
    with step("products.upload_log"):
        answer_or_refusal(lambda: client.products.upload_log(GROUP, name, "nothing", {}))
    linked_subscriptions(client, name)
    with step("registrations.list in pages of one"):
        another = str(uuid.uuid4())
        body = RegistrationParameter(location="global", registration_token=registration_token(another))
        operations.create_or_update(GROUP, f"AzureStack-{another}", body)
        listed = operations.list(GROUP, params={"$top": "1"})
        names = {one.name for one in listed}
        operations.delete(GROUP, f"AzureStack-{another}")
        expect(names == {name, f"AzureStack-{another}"}, f"lists {names}")


def customer_subscriptions(client, name, cloud_id):
    operations = client.customer_subscriptions
    with step("refusal UnauthorizedCspRegistration"), refused(HttpResponseError, 403, "UnauthorizedCspRegistration"):
        operations.create(GROUP, name, CUSTOMER, CustomerSubscription())
    with step("multi-tenancy is approved"):
        approve_multi_tenancy(cloud_id)
    with step("refusal CustomerSubscriptionNotFound"):
        with refused(ResourceNotFoundError, 404, "CustomerSubscriptionNotFound"):
            operations.get(GROUP, name, CUSTOMER)
    with step("customer_subscriptions.create"):
        # As the documented commands spell it: the name is upper case, and the tenant is found from the subscription.
        made = operations.create(GROUP, name, CUSTOMER.upper(), CustomerSubscription())
        expect(made.name.lower() == f"{name}/{CUSTOMER}".lower(), f"name {made.name}")
        expect(made.tenant_id, "no tenant")
    with step("customer_subscriptions.create again, with its tenant"):
        body = CustomerSubscription(tenant_id=operations.get(GROUP, name, CUSTOMER).tenant_id)
        expect(operations.create(GROUP, name, CUSTOMER, body).tenant_id == body.tenant_id, "another tenant")
    with step("customer_subscriptions.get"):
        expect(operations.get(GROUP, name, CUSTOMER).type.endswith("/customerSubscriptions"), "another type")
    with step("customer_subscriptions.list"):
        names = [one.name.lower() for one in operations.list(GROUP, name)]
        expect(names == [f"{name}/{CUSTOMER}".lower()], f"lists {names}")
    with step("customer_subscriptions.delete"):
        operations.delete(GROUP, name, CUSTOMER)
        expect(list(operations.list(GROUP, name)) == [], "is still listed")
    with step("customer_subscriptions.delete again"):
        operations.delete(GROUP, name, CUSTOMER)


def refusals(client, name):
    """The refusals that Microsoft documents for adding a tenant; two more are met on the way."""
    create = client.customer_subscriptions.create
    nothing = CustomerSubscription()
    with step("refusal RegistrationNotFound"), refused(ResourceNotFoundError, 404, "RegistrationNotFound"):
        create(GROUP, f"{name}-missing", CUSTOMER, nothing)
    with step("refusal BadCustomerSubscriptionId"), refused(HttpResponseError, 403, "BadCustomerSubscriptionId"):
        create(GROUP, name, OF_ANOTHER_PARTNER, nothing)
    with step("refusal InvalidCustomerSubscriptionId"):
        with refused(HttpResponseError, 400, "InvalidCustomerSubscriptionId"):
            create(GROUP, name, str(uuid.uuid4()), nothing)
    with step("refusal InvalidCSPSubscription"), refused(HttpResponseError, 400, "InvalidCSPSubscription"):
        create(GROUP, name, NOT_CSP, nothing)
    if UNRESOLVABLE is None:
        print("skip refusal MetadataResolverBadGatewayError: METERBRIDGE_UNRESOLVABLE_SUBSCRIPTION is not set")
    else:
        with step("refusal MetadataResolverBadGatewayError"):
            with refused(HttpResponseError, 502, "MetadataResolverBadGatewayError"):
                create(GROUP, name, UNRESOLVABLE, nothing)
    with step("refusal CustomerSubscriptionsNotAllowed"):
        cloud_id = str(uuid.uuid4())
        capacity = registration_token(
            cloud_id, billingModel="Capacity", agreementNumber="E-100200", usageReportingEnabled=False
        )
        body = RegistrationParameter(location="global", registration_token=capacity)
        client.registrations.create_or_update(GROUP, f"AzureStack-{cloud_id}", body)
        # Without it the refusal would be UnauthorizedCspRegistration, which is looked at first.
        approve_multi_tenancy(cloud_id)
        with refused(ResourceExistsError, 409, "CustomerSubscriptionsNotAllowed"):
            create(GROUP, f"AzureStack-{cloud_id}", CUSTOMER, nothing)
        client.registrations.delete(GROUP, f"AzureStack-{cloud_id}")


def remove(client, name):
    with step("registrations.delete"):
        client.registrations.delete(GROUP, name)
        with refused(ResourceNotFoundError, 404, "ResourceNotFound"):
            client.registrations.get(GROUP, name)
    with step("registrations.delete again"):
        client.registrations.delete(GROUP, name)


def main():
    cloud_id = str(uuid.uuid4())
    name = f"AzureStack-{cloud_id}"
    with contextlib.closing(sign_in()) as client:
        every, called = watch(client)
        create_group(client)
        provider(client)
        registrations(client, name, cloud_id)
        customer_subscriptions(client, name, cloud_id)
        refusals(client, name)
        remove(client, name)
    with step("every operation of the SDK was called"):
        expect("customer_subscriptions.create" in every, f"the SDK has {sorted(every)}")
        expect(called == every, f"not called: {sorted(every - called)}")
    finish()


if __name__ == "__main__":
    main()
