// Checks recorded responses against the published descriptions of Microsoft.AzureStack, with oav's live validator.
//
//   node validate.mjs PAIRS     a file of {liveRequest, liveResponse}, one a line, as record.mjs writes it
//   METERBRIDGE_SWAGGER         the folder with a folder of swagger files for each api-version
//
// Prints each error and then the counts. Exits with 1 if a response is wrong, or if there was none to check.
// Requests are the clients' own business: what is wrong with them is counted, and no error.
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import oav from "oav";

const PROVIDER = "microsoft.azurestack";
const NEWEST = "2022-06-01";

function swaggerFiles(folder) {
  const files = readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(".json") && !name.split(path.sep).includes("examples"))
    .map((name) => path.join(folder, name));
  return files.filter((file) => JSON.parse(readFileSync(file, "utf8")).swagger === "2.0");
}

/**
 * The resource provider a path belongs to: a lock of a registration is of Microsoft.Authorization, and whether a provider
 * is registered is of Microsoft.Resources.
 */
function provider(url) {
  const { pathname } = new URL(url, "https://localhost");
  const [, name, below] = pathname.toLowerCase().match(/.*\/providers\/+([^/]+)\/*(.*)/) ?? [];
  return ["", "register", "unregister"].includes(below) ? "microsoft.resources" : name;
}

/** The description of enableRemoteManagement has no api-version, and clients send none; oav cannot look it up then. */
function versioned(request) {
  if (/[?&]api-version=/i.test(request.url)) return request;
  const url = `${request.url}${request.url.includes("?") ? "&" : "?"}api-version=${NEWEST}`;
  return { ...request, url, query: { ...request.query, "api-version": NEWEST } };
}

async function loaded(folder) {
  const options = {
    swaggerPaths: swaggerFiles(folder),
    directory: path.dirname(folder),
    loadValidatorInBackground: false,
    loadValidatorInInitialize: true,
  };
  const validator = new oav.LiveValidator(options, () => {}); // what it would log is in its results
  await validator.initialize();
  return validator;
}

const [pairs] = process.argv.slice(2);
const swagger = process.env.METERBRIDGE_SWAGGER;
if (!pairs || !swagger) {
  console.error("usage: METERBRIDGE_SWAGGER=folder node validate.mjs pairs.ndjson");
  process.exit(2);
}

const counts = { valid: 0, wrong: 0, "of other providers": 0, "refused, of no operation": 0, "odd requests": 0 };
const validator = await loaded(path.resolve(swagger));
const lines = readFileSync(pairs, "utf8").split("\n").filter((line) => line.trim());
for (const [index, line] of lines.entries()) {
  const { liveRequest: sent, liveResponse } = JSON.parse(line);
  const liveRequest = versioned(sent);
  if (provider(liveRequest.url) !== PROVIDER) {
    counts["of other providers"] += 1;
    continue;
  }
  const checked = await validator.validateLiveRequestResponse({ liveRequest, liveResponse });
  const { requestValidationResult, responseValidationResult } = checked;
  const exception = checked.runtimeException ?? responseValidationResult.runtimeException;
  const unknown = exception?.code.startsWith("OPERATION_NOT_FOUND");
  if (unknown && Number(liveResponse.statusCode) >= 400) {
    counts["refused, of no operation"] += 1;
    continue;
  }
  if (requestValidationResult.errors.length > 0) counts["odd requests"] += 1;
  if (exception === undefined && responseValidationResult.errors.length === 0) {
    counts.valid += 1;
    continue;
  }
  counts.wrong += 1;
  console.log(`FAIL line ${index + 1}: ${liveRequest.method} ${liveRequest.url} -> ${liveResponse.statusCode}`);
  if (exception) console.log(`  ${exception.code}: ${exception.message}`);
  for (const error of responseValidationResult.errors) {
    console.log(`  ${error.code}: ${error.message} (${error.pathsInPayload.join(", ")})`);
  }
}
const report = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
console.log(`${lines.length} pairs: ${report.join(", ")}`);
process.exitCode = counts.wrong > 0 || counts.valid === 0 ? 1 : 0;
