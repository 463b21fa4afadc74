// Microsoft's client of "new" web services goes through a service's life at the stand-in, and every answer is held to
// the schema that the client was generated from. Prints what it saw as JSON; test_arm_witness.py judges it.
//
// The client sends bearer tokens over https only; here it is told that this address may be plain, and its token policy is
// replaced by one that does not look at the scheme.
import { AzureMLWebServicesManagementClient } from "@azure/arm-webservices";
import * as mappers from "@azure/arm-webservices/dist-esm/src/models/mappers.js";

const { URL: endpoint, TOKEN, SUBSCRIPTION, GROUP, NAME, OTHER, MODEL, BAD, DEFINITION, VERSION } = process.env;
const schemas = { Graph: "WebServicePropertiesForGraph" };
const problems = [];

function conform(value, type, path) {
  if (value === null || value === undefined) return;
  if (type.name === "Composite") return composite(value, type, path);
  if (type.name === "Sequence") {
    if (!Array.isArray(value)) return problems.push(`${path} is no list`);
    return value.forEach((one, index) => conform(one, type.element.type, `${path}[${index}]`));
  }
  if (type.name === "Dictionary") {
    if (type.value.type.name === "any") return; // "object" in the specification, which the generator reads as a map
    if (typeof value !== "object" || Array.isArray(value)) return problems.push(`${path} is no object`);
    return Object.entries(value).forEach(([key, one]) => conform(one, type.value.type, `${path}.${key}`));
  }
  const kinds = { String: "string", Number: "number", Boolean: "boolean", DateTime: "string" };
  if (typeof value !== kinds[type.name]) problems.push(`${path} is ${typeof value}, not ${type.name}`);
  if (type.name === "DateTime" && Number.isNaN(Date.parse(value))) problems.push(`${path} is no time: ${value}`);
}

function composite(value, type, path) {
  if (typeof value !== "object" || Array.isArray(value)) return problems.push(`${path} is no object`);
  const name = type.className === "WebServiceProperties" ? schemas[value.packageType] ?? type.className : type.className;
  const known = mappers[name].type.modelProperties;
  const bySpelling = Object.fromEntries(Object.values(known).map((one) => [one.serializedName, one]));
  for (const [key, one] of Object.entries(value)) {
    if (bySpelling[key]) conform(one, bySpelling[key].type, `${path}.${key}`);
    else problems.push(`${path}.${key} is not in ${name}`);
  }
  for (const [key, one] of Object.entries(bySpelling))
    if (one.required && value[key] === undefined) problems.push(`${path}.${key} is missing`);
}

const shapes = [
  [/operationsStatus/i, "AsyncOperationStatus"],
  [/CreateRegionalBlob/i, "AsyncOperationStatus"],
  [/listKeys/i, "WebServiceKeys"],
  [/webServices\/[^/?]+\?/i, "WebService"],
  [/webServices\?/i, "PaginatedWebServicesList"],
  [/Learning\/operations\?/i, "OperationEntityListResult"],
];
let checked = 0;

const options = { endpoint, $host: endpoint, allowInsecureConnection: true, apiVersion: VERSION };
const client = new AzureMLWebServicesManagementClient({ getToken: async () => null }, SUBSCRIPTION, options);
client.pipeline.removePolicy({ name: "bearerTokenAuthenticationPolicy" });
client.pipeline.addPolicy({
  name: "plainToken",
  async sendRequest(request, next) {
    request.headers.set("Authorization", `Bearer ${TOKEN}`);
    const response = await next(request);
    const shape = shapes.find(([pattern]) => pattern.test(request.url));
    if (response.status < 300 && response.bodyAsText && shape) {
      checked += 1;
      conform(JSON.parse(response.bodyAsText), { name: "Composite", className: shape[1] }, `${request.method} ${shape[1]}`);
    }
    return response;
  },
});

const quick = { updateIntervalInMs: 20 };
const services = client.webServices;

async function failing(call) {
  try {
    await call();
  } catch (error) {
    return { status: error.statusCode ?? null, code: error.code ?? null, message: error.message };
  }
  return null;
}

async function names(pages) {
  const found = [];
  for await (const one of pages) found.push(one.name);
  return found;
}

function withModel(service, uri) {
  const assets = structuredClone(service.properties.assets);
  const key = Object.keys(assets).find((one) => assets[one].type === "Resource");
  assets[key].locationInfo.uri = uri;
  return { properties: { packageType: "Graph", assets } };
}

function uriOf(service) {
  return Object.values(service.properties.assets).find((one) => one.type === "Resource").locationInfo.uri;
}

const seen = {};
seen.created = await services.beginCreateOrUpdateAndWait(GROUP, OTHER, JSON.parse(DEFINITION), quick);
const before = await services.get(GROUP, NAME);
seen.before = uriOf(before);
seen.hidden = { keys: before.properties.keys ?? null, plan: before.properties.commitmentPlan ?? null };
seen.patched = await services.beginPatchAndWait(GROUP, NAME, withModel(before, MODEL), quick);
seen.after = uriOf(await services.get(GROUP, NAME));
seen.failed = await failing(() => services.beginPatchAndWait(GROUP, NAME, withModel(before, BAD), quick));
seen.afterFailure = uriOf(await services.get(GROUP, NAME));
seen.keys = await services.listKeys(GROUP, NAME);
seen.inGroup = await names(services.listByResourceGroup(GROUP));
seen.inSubscription = await names(services.listBySubscriptionId());
if (VERSION === "2017-01-01") {
  await services.beginCreateRegionalPropertiesAndWait(GROUP, NAME, "westeurope", quick);
  seen.elsewhere = (await services.get(GROUP, NAME, { region: "westeurope" })).name;
  seen.operations = (await client.operations.list()).value?.length ?? (await names(client.operations.list())).length;
}
await services.beginRemoveAndWait(GROUP, OTHER, quick);
seen.gone = await failing(() => services.get(GROUP, OTHER));
process.stdout.write(JSON.stringify({ seen, problems: [...new Set(problems)], checked }));
