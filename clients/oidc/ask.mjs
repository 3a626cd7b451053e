// Asks a Meterbridge server who the bearer of a token is, once, and prints the status and the JSON that it answers.
//
//   TOKEN=… node ask.mjs SERVER
//
// NODE_EXTRA_CA_CERTS names what to trust beside the usual authorities.
const [server] = process.argv.slice(2);
const { TOKEN: token } = process.env;
if (!server || !token) {
  console.error("usage: TOKEN=… node ask.mjs SERVER");
  process.exit(2);
}

const answer = await fetch(`${server}/api/v1/me`, { headers: { authorization: `Bearer ${token}` } });
const challenge = answer.headers.get("www-authenticate");
console.log(JSON.stringify({ status: answer.status, challenge, body: await answer.json() }));
