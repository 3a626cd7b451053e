// Drives a Meterbridge server with Azure's own JavaScript SDK: @azure/identity to sign in, @azure/arm-azurestack
// then. Settings come from the environment; ../README.md lists them. NODE_EXTRA_CA_CERTS must name METERBRIDGE_CA: node
// reads it when it starts. Prints one line for each step and exits with 1 if one failed.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { ClientCertificateCredential, ClientSecretCredential } from "@azure/identity";
import { AzureStackManagementClient } from "@azure/arm-azurestack";

const setting = (name) => {
  assert.ok(process.env[name], `${name} is not set`);
  return process.env[name];
};
const url = setting("METERBRIDGE_URL").replace(/\/$/, "");
const tenant = setting("METERBRIDGE_TENANT");
const clientId = setting("METERBRIDGE_CLIENT_ID");
const secret = setting("METERBRIDGE_CLIENT_SECRET");
const certificatePath = setting("METERBRIDGE_CLIENT_CERTIFICATE");
const subscription = setting("METERBRIDGE_SUBSCRIPTION");
const customer = setting("METERBRIDGE_CUSTOMER_SUBSCRIPTION");
const ofAnotherPartner = setting("METERBRIDGE_FOREIGN_SUBSCRIPTION");
const notCsp = setting("METERBRIDGE_NON_CSP_SUBSCRIPTION");
const unresolvable = process.env.METERBRIDGE_UNRESOLVABLE_SUBSCRIPTION;
const group = process.env.METERBRIDGE_RESOURCE_GROUP ?? "azurestack-js";
const groupPath = `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.AzureStack`;
assert.ok(process.env.NODE_EXTRA_CA_CERTS, "NODE_EXTRA_CA_CERTS is not set: name METERBRIDGE_CA there too");

let failures = 0;

/** Says how a step ended; whatever it throws is a failure, and the next step follows. */
async function step(name, work) {
  try {
    await work();
    console.log(`ok ${name}`);
  } catch (error) {
    failures += 1;
    console.log(`FAIL ${name}: ${error.constructor.name}: ${String(error.message).replace(/\s+/g, " ")}`);
  }
}

/** The SDK rejects with its RestError, with our status and code. */
async function refused(status, code, call) {
  await assert.rejects(call, (error) => {
    assert.equal(error.constructor.name, "RestError", String(error));
    assert.deepEqual([error.statusCode, error.code], [status, code]);
    assert.ok(error.message, "the refusal has no message");
    return true;
  });
}

/** An operation that a Meterbridge need not have still answers in the shape the SDK knows. */
async function answerOrRefusal(call) {
  try {
    await call();
  } catch (error) {
    assert.equal(error.constructor.name, "RestError", String(error));
    assert.ok(error.statusCode < 500 && error.code, `status ${error.statusCode}, code ${error.code}`);
  }
}

/** What a stack makes for its registration: base64 of JSON. */
function registrationToken(cloudId, changes = {}) {
  const token = {
    billingModel: "PayAsYouUse",
    objectId: randomUUID(),
    cloudId,
    marketplaceSyndicationEnabled: true,
    usageReportingEnabled: true,
    hardwareInfo: [{ name: "node-1", numCores: 32, uuid: randomUUID() }],
    issuer: "azurestack",
    version: "1.0",
    ...changes,
  };
  return Buffer.from(JSON.stringify(token)).toString("base64");
}

/** What an operator does after a partner's mail; none of Azure's clients has a call for it. */
async function approveMultiTenancy(cloudId) {
  const path = `/api/v1/registrations/${cloudId}/approve-multi-tenancy`;
  const headers = { authorization: `Bearer ${setting("METERBRIDGE_CREDENTIAL")}` };
  const answer = await fetch(url + path, { method: "POST", headers });
  assert.ok(answer.ok, `status ${answer.status}: ${await answer.text()}`);
}

// `adfs` instead of a tenant makes the SDK take any host for an authority. At a tenant's own authority it would ask
// Microsoft about the host first, and has to be told not to.
const authorities = [
  ["the authority of the cloud", "adfs", { authorityHost: url }],
  ["the tenant's authority", tenant, { authorityHost: url, disableInstanceDiscovery: true }],
];

/** The client that signed in with a secret. */
async function signIn() {
  const metadata = await (await fetch(`${url}/metadata/endpoints?api-version=2022-09-01`)).json();
  const scope = `${metadata.authentication.audiences[0].replace(/\/$/, "")}/.default`;
  for (const [name, authority, options] of authorities) {
    const withSecret = (text) => new ClientSecretCredential(authority, clientId, text, options);
    await step(`sign in with a secret at ${name}`, () => withSecret(secret).getToken(scope));
    await step(`a wrong secret is refused at ${name}`, () =>
      assert.rejects(withSecret("not-the-secret").getToken(scope), /invalid_client/));
    for (const sendCertificateChain of [false, true]) {
      const sent = { ...options, sendCertificateChain };
      await step(`sign in with a certificate${sendCertificateChain ? " and its chain" : ""} at ${name}`, () =>
        new ClientCertificateCredential(authority, clientId, { certificatePath }, sent).getToken(scope));
    }
  }

  await step("a token that nobody signed is refused", async () => {
    const part = (json) => Buffer.from(JSON.stringify(json)).toString("base64url");
    const token = `${part({ alg: "none", typ: "JWT" })}.${part({ aud: scope, tid: tenant, oid: clientId })}.`;
    const forged = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
    await assert.rejects(
      new AzureStackManagementClient(forged, subscription, { baseUri: url, noRetryPolicy: true }).operations.list(),
      (error) => {
        assert.equal(error.statusCode, 401);
        assert.match(error.response.headers.get("www-authenticate") ?? "", /^Bearer /);
        return true;
      });
  });

  // Left to itself this SDK asks for a token for https://management.azure.com, whatever it talks to.
  const credential = new ClientSecretCredential("adfs", clientId, secret, { authorityHost: url });
  await step("sign in with the SDK's own audience", () =>
    credential.getToken("https://management.azure.com/.default"));
  return new AzureStackManagementClient(credential, subscription, { baseUri: url, noRetryPolicy: true });
}

/** Every operation that the SDK has, and the set of those that are called from now on. */
function watch(client) {
  const every = new Set();
  const called = new Set();
  for (const [group, operations] of Object.entries(client).filter(([, it]) => it?.client === client)) {
    const names = Object.getOwnPropertyNames(Object.getPrototypeOf(operations));
    for (const name of names.filter((it) => it !== "constructor")) {
      every.add(`${group}.${name}`);
      const operation = operations[name].bind(operations);
      operations[name] = (...given) => {
        called.add(`${group}.${name}`);
        return operation(...given);
      };
    }
  }
  return { every, called };
}

/** Calls what follows a page, from a first page of no more than one item on; gives the names of all items. */
async function namesOnPages(operations, path) {
  const names = [];
  let link = `${url}${path}?api-version=2017-06-01&$top=1`;
  while (link) {
    const page = await operations.listNext(link);
    assert.ok(page.length <= 1, `${page.length} items on a page of one`);
    names.push(...page.map((one) => one.name));
    link = page.nextLink;
  }
  return names;
}

async function provider(client) {
  await step("create the resource group", async () => {
    const path = `/subscriptions/${subscription}/resourcegroups/${group}?api-version=2024-11-01`;
    const answer = await client.sendRequest({ url: url + path, method: "PUT", body: { location: "westcentralus" } });
    assert.ok(answer.status < 300, `status ${answer.status}`);
  });
  await step("operations.list", async () => {
    const names = (await client.operations.list()).map((one) => one.name.toLowerCase());
    assert.ok(names.includes("microsoft.azurestack/registrations/read"), `lists ${names}`);
  });
  await step("operations.listNext", async () => {
    const link = `${url}/providers/Microsoft.AzureStack/operations?api-version=2017-06-01`;
    assert.equal((await client.operations.listNext(link)).length, (await client.operations.list()).length);
  });
}

async function registrations(client, name, cloudId) {
  const { registrations, products } = client;
  const token = { location: "global", registrationToken: registrationToken(cloudId) };
  await step("registrations.get of a missing one", () =>
    refused(404, "ResourceNotFound", () => registrations.get(group, name)));
  await step("registrations.createOrUpdate", async () => {
    const made = await registrations.createOrUpdate(group, name, token);
    assert.equal(made.cloudId, cloudId);
    assert.equal(made.billingModel, "PayAsYouUse");
    assert.match(made.etag, /^".*"$/);
  });
  await step("registrations.get", async () => {
    const { type, location } = await registrations.get(group, name);
    assert.deepEqual([type, location], ["Microsoft.AzureStack/registrations", "global"]);
  });
  await step("registrations.update", async () => {
    assert.equal((await registrations.update(group, name, token)).name, name);
  });
  await step("registrations.list", async () => {
    const page = await registrations.list(group);
    assert.ok(page.some((one) => one.name === name), "not listed");
  });
  await step("registrations.listNext", async () => {
    const cloudId = randomUUID();
    const another = `AzureStack-${cloudId}`;
    await registrations.createOrUpdate(group, another, { registrationToken: registrationToken(cloudId) });
    const names = await namesOnPages(registrations, `${groupPath}/registrations`);
    await registrations.deleteMethod(group, another);
    assert.deepEqual(names.sort(), [name, another].sort());
  });
  await step("registrations.getActivationKey", async () => {
    const { activationKey } = await registrations.getActivationKey(group, name);
    assert.equal(activationKey.split(".").length, 3);
  });
  await step("registrations.createOrUpdate with a stale etag", () =>
    assert.rejects(
      registrations.createOrUpdate(group, name, token, { customHeaders: { "If-Match": '"stale"' } }),
      { statusCode: 412 }));
  await step("products.list", async () => assert.equal((await products.list(group, name)).length, 0));
  await step("products.listNext", async () =>
    assert.deepEqual(await namesOnPages(products, `${groupPath}/registrations/${name}/products`), []));
  await step("products.get", () => answerOrRefusal(() => products.get(group, name, "nothing")));
  await step("products.listDetails", () => answerOrRefusal(() => products.listDetails(group, name, "nothing")));
  await step("products.getProducts", () => answerOrRefusal(() => products.getProducts(group, name)));
  await step("products.getProduct", () => answerOrRefusal(() => products.getProduct(group, name, "nothing")));
  await step("products.uploadLog", () => answerOrRefusal(() => products.uploadLog(group, name, "nothing")));
}

async function customerSubscriptions(client, name, cloudId) {
  const operations = client.customerSubscriptions;
  await step("refusal UnauthorizedCspRegistration", () =>
    refused(403, "UnauthorizedCspRegistration", () => operations.create(group, name, customer, {})));
  await step("multi-tenancy is approved", () => approveMultiTenancy(cloudId));
  await step("refusal CustomerSubscriptionNotFound", () =>
    refused(404, "CustomerSubscriptionNotFound", () => operations.get(group, name, customer)));
  await step("customerSubscriptions.create", async () => {
    // As the documented commands spell it: the name is upper case, and the tenant is found from the subscription.
    const made = await operations.create(group, name, customer.toUpperCase(), {});
    assert.equal(made.name.toLowerCase(), `${name}/${customer}`.toLowerCase());
    assert.ok(made.tenantId, "no tenant");
  });
  await step("customerSubscriptions.create again, with its tenant", async () => {
    const { tenantId } = await operations.get(group, name, customer);
    assert.equal((await operations.create(group, name, customer, { tenantId })).tenantId, tenantId);
  });
  await step("customerSubscriptions.list", async () => {
    const names = (await operations.list(group, name)).map((one) => one.name.toLowerCase());
    assert.deepEqual(names, [`${name}/${customer}`.toLowerCase()]);
  });
  await step("customerSubscriptions.listNext", async () => {
    const names = await namesOnPages(operations, `${groupPath}/registrations/${name}/customerSubscriptions`);
    assert.deepEqual(names.map((one) => one.toLowerCase()), [`${name}/${customer}`.toLowerCase()]);
  });
  await step("customerSubscriptions.deleteMethod", async () => {
    await operations.deleteMethod(group, name, customer);
    assert.equal((await operations.list(group, name)).length, 0, "is still listed");
  });
}

/** The refusals that Microsoft documents for adding a tenant; two more are met on the way. */
async function refusals(client, name) {
  const create = (registration, id) => () => client.customerSubscriptions.create(group, registration, id, {});
  const refusal = (status, code, registration, id) =>
    step(`refusal ${code}`, () => refused(status, code, create(registration, id)));
  await refusal(404, "RegistrationNotFound", `${name}-missing`, customer);
  await refusal(403, "BadCustomerSubscriptionId", name, ofAnotherPartner);
  await refusal(400, "InvalidCustomerSubscriptionId", name, randomUUID());
  await refusal(400, "InvalidCSPSubscription", name, notCsp);
  if (unresolvable) {
    await refusal(502, "MetadataResolverBadGatewayError", name, unresolvable);
  } else {
    console.log("skip refusal MetadataResolverBadGatewayError: METERBRIDGE_UNRESOLVABLE_SUBSCRIPTION is not set");
  }
  await step("refusal CustomerSubscriptionsNotAllowed", async () => {
    const cloudId = randomUUID();
    const registration = `AzureStack-${cloudId}`;
    const changes = { billingModel: "Capacity", agreementNumber: "E-100200", usageReportingEnabled: false };
    const token = { registrationToken: registrationToken(cloudId, changes) };
    await client.registrations.createOrUpdate(group, registration, token);
    // Without it the refusal would be UnauthorizedCspRegistration, which is looked at first.
    await approveMultiTenancy(cloudId);
    await refused(409, "CustomerSubscriptionsNotAllowed", create(registration, customer));
    await client.registrations.deleteMethod(group, registration);
  });
}

async function remove(client, name) {
  await step("registrations.deleteMethod", async () => {
    await client.registrations.deleteMethod(group, name);
    await refused(404, "ResourceNotFound", () => client.registrations.get(group, name));
  });
}

const cloudId = randomUUID();
const name = `AzureStack-${cloudId}`;
const client = await signIn();
const { every, called } = watch(client);
await provider(client);
await registrations(client, name, cloudId);
await customerSubscriptions(client, name, cloudId);
await refusals(client, name);
await remove(client, name);
await step("every operation of the SDK was called", async () => {
  assert.ok(every.has("customerSubscriptions.create"), `the SDK has ${[...every]}`);
  assert.deepEqual([...every].filter((one) => !called.has(one)), [], "not called");
});
console.log(failures ? `${failures} steps failed` : "all steps passed");
process.exitCode = failures ? 1 : 0;
