// Signs an application in at an OpenID provider, found by its discovery document, and prints the access token.
//
//   node token.mjs ISSUER AUDIENCE
//   OIDC_CLIENT_ID, OIDC_CLIENT_SECRET   the application
//
// NODE_EXTRA_CA_CERTS names what to trust beside the usual authorities.
const [issuer, audience] = process.argv.slice(2);
const { OIDC_CLIENT_ID: id, OIDC_CLIENT_SECRET: secret } = process.env;
if (!issuer || !audience || !id || !secret) {
  console.error("usage: OIDC_CLIENT_ID=… OIDC_CLIENT_SECRET=… node token.mjs ISSUER AUDIENCE");
  process.exit(2);
}

async function json(address, options) {
  const answer = await fetch(address, options);
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

const { token_endpoint: endpoint } = await json(`${issuer}/.well-known/openid-configuration`);
const { access_token: token } = await json(endpoint, {
  method: "POST",
  headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}` },
  body: new URLSearchParams({ grant_type: "client_credentials", resource: audience }),
});
console.log(token);
