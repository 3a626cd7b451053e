// An OpenID provider that is not ours (oidc-provider from npm), to be trusted by a Meterbridge server: one application
// that signs in with its own secret and gets a JWT access token, signed with RS256, for the audience it asks for.
//
//   OIDC_CERTIFICATE      the PEM files to speak TLS with
//   OIDC_KEY
//   OIDC_CLIENT_ID        the application; its tokens have it as `appid`
//   OIDC_CLIENT_SECRET
//   OIDC_AUDIENCES        what tokens are for, parted by blanks: the `resource` that the application asks for is one
//   OIDC_TENANT           what its tokens say in `tid` and `oid`
//   OIDC_OBJECT_ID
//   OIDC_TOKEN_SECONDS    how long a token is good for; 3600 if not set
//
// Listens on a free port of localhost. Prints `ready <issuer>` when it does; the discovery document is at <issuer>/.well-known/openid-configuration, and
// a token comes from a POST of grant_type=client_credentials and resource=<audience> to <issuer>/token, with the id and
// the secret as basic credentials. SIGHUP rotates the signing keys: tokens are then signed with a new
// key, and the keys before are still published.
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import https from "node:https";
import Provider, { errors } from "oidc-provider";

const setting = (name) => {
  const value = process.env[name];
  if (!value) {
    console.error(`error: ${name} is not set`);
    process.exit(2);
  }
  return value;
};
const audiences = setting("OIDC_AUDIENCES").split(" ");
const client = {
  client_id: setting("OIDC_CLIENT_ID"),
  client_secret: setting("OIDC_CLIENT_SECRET"),
  grant_types: ["client_credentials"],
  response_types: [],
  redirect_uris: [],
};
const tokenSeconds = Number(process.env.OIDC_TOKEN_SECONDS ?? 3600);
const claims = { tid: setting("OIDC_TENANT"), oid: setting("OIDC_OBJECT_ID"), appid: client.client_id };

function resourceServer(_context, asked) {
  if (!audiences.includes(asked)) throw new errors.InvalidTarget(`tokens are for ${audiences} only`);
  return {
    audience: asked,
    scope: "",
    accessTokenFormat: "jwt",
    accessTokenTTL: tokenSeconds,
    jwt: { sign: { alg: "RS256" } },
  };
}

// It warns that its memory is for development only, which is what it is here for.
console.warn = () => {};

const keys = [];

/** A provider that signs with a new key; tokens signed with the ones before can still be checked. */
function provider(issuer) {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  keys.unshift({ ...privateKey.export({ format: "jwk" }), kid: randomUUID(), use: "sig", alg: "RS256" });
  return new Provider(issuer, {
    clients: [client],
    jwks: { keys },
    extraTokenClaims: () => claims,
    ttl: { ClientCredentials: () => tokenSeconds },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: { enabled: true, defaultResource: () => audiences[0], getResourceServerInfo: resourceServer },
    },
  }).callback();
}

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
const certificate = { cert: readFileSync(setting("OIDC_CERTIFICATE")), key: readFileSync(setting("OIDC_KEY")) };
const server = https.createServer(certificate, (request, reply) => answer(request, reply));
let answer;
server.listen(0, "localhost", () => {
  const issuer = `https://localhost:${server.address().port}`;
  answer = provider(issuer);
  process.on("SIGHUP", () => {
    answer = provider(issuer);
  });
  console.log(`ready ${issuer}`);
});
