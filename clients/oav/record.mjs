// A recording reverse proxy: stands between the clients and a Meterbridge server, passes everything on as it is, and
// appends each request with its response to a file, one JSON object {liveRequest, liveResponse} a line, as validate.mjs
// and oav read them. No dependencies.
//
// The server must believe that the proxy's address is its own (its public URL), or what it hands out, such as the
// addresses of tokens and next pages, leads around the proxy.
//
//   RECORD_PORT         where to listen, on localhost; 0 or nothing: any free port
//   RECORD_CERTIFICATE  the PEM files to speak TLS with to the clients
//   RECORD_KEY
//   RECORD_UPSTREAM_CA  the PEM file of the authority the server's certificate is checked against
//   RECORD_FILE         what to append to
//
// Prints `ready <address>` when it listens, and then reads the server's real address, https://host:port, as a line from
// standard input: so the server can be started after the proxy. It ends with its standard input. What anybody could sign in
// with is left out of the file: Authorization, cookies, forms and what answers them, activation keys, and what is said at
// our own API, which no published description is about.
import { appendFileSync, readFileSync } from "node:fs";
import https from "node:https";
import { createInterface } from "node:readline";
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";

const setting = (name) => {
  const value = process.env[name];
  if (!value) {
    console.error(`error: ${name} is not set`);
    process.exit(2);
  }
  return value;
};
const file = setting("RECORD_FILE");
const lines = createInterface({ input: process.stdin }).on("close", () => process.exit(0));
const upstream = new Promise((resolve) => lines.once("line", (line) => resolve(new URL(line))));
const agent = new https.Agent({ keepAlive: true, ca: readFileSync(setting("RECORD_UPSTREAM_CA")) });

async function whole(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function pass(request, body) {
  const { hostname, port } = await upstream;
  return new Promise((resolve, reject) => {
    const onward = https.request(
      {
        agent,
        hostname,
        port: port || 443,
        method: request.method,
        path: request.url,
        // As they came, in their order and spelling, Host included.
        headers: request.rawHeaders,
        setDefaultHeaders: false,
      },
      resolve,
    );
    onward.on("error", reject);
    onward.end(body);
  });
}

const decoders = { gzip: gunzipSync, deflate: inflateSync, br: brotliDecompressSync };

/** The JSON of a body; an empty object if there is none, as oav wants it. */
function json(headers, body) {
  const decode = decoders[headers["content-encoding"]] ?? ((bytes) => bytes);
  try {
    return JSON.parse(decode(body).toString()) ?? {};
  } catch {
    return {};
  }
}

function text(headers) {
  const kept = Object.entries(headers).filter(([name]) => !["authorization", "cookie", "set-cookie"].includes(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}

const isForm = (headers) => (headers["content-type"] ?? "").startsWith("application/x-www-form-urlencoded");

/** The JSON without the key that a stack delivers its usage with. */
const withoutKey = (body) => (body.activationKey ? { ...body, activationKey: "left out" } : body);

function record(request, body, response, answer) {
  // What comes from a form is a credential, and what answers it a token.
  const secret = isForm(request.headers) || request.url.startsWith("/api/");
  const pair = {
    liveRequest: {
      method: request.method,
      url: request.url,
      headers: text(request.headers),
      query: Object.fromEntries(new URL(request.url, "https://localhost").searchParams),
      body: secret ? {} : json(request.headers, body),
    },
    liveResponse: {
      statusCode: String(response.statusCode),
      headers: text(response.headers),
      body: secret ? {} : withoutKey(json(response.headers, answer)),
    },
  };
  appendFileSync(file, `${JSON.stringify(pair)}\n`);
}

async function handle(request, reply) {
  const body = await whole(request);
  const response = await pass(request, body);
  const answer = await whole(response);
  record(request, body, response, answer);
  reply.writeHead(response.statusCode, response.statusMessage, response.rawHeaders);
  reply.end(answer);
}

const certificate = { cert: readFileSync(setting("RECORD_CERTIFICATE")), key: readFileSync(setting("RECORD_KEY")) };
const server = https.createServer(certificate, (request, reply) => {
  handle(request, reply).catch((error) => {
    console.error(`error: ${request.method} ${request.url}: ${error.message}`);
    reply.destroy();
  });
});
server.listen(Number(process.env.RECORD_PORT ?? 0), "localhost", () => {
  console.log(`ready https://localhost:${server.address().port}`);
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
