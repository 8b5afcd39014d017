import assert from "node:assert/strict";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Caller } from "@lib/auth/mod.ts";
import { conflict, denied, PlatformError, rateLimited, unavailable } from "@lib/errors/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { RecordService, ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { AgentService } from "@proto/mcp/v1/agent_pb.ts";
import type { Call } from "./call.ts";
import type { Observation } from "./observation.ts";
import { type Handlers, implement, type Operation } from "./operation.ts";
import { restApp, type RestOptions } from "./rest_app.ts";

const accounts: Record<string, Caller> = {
  admin: { subject: "1", username: "ada", accountType: "human", roles: ["admin"], tokenId: "a" },
  user: { subject: "2", username: "uma", accountType: "human", roles: ["user"], tokenId: "u" },
  guest: { subject: "3", username: "gus", accountType: "human", roles: ["guest"], tokenId: "g" },
  system: { subject: "4", username: "mcq", accountType: "system", roles: [], tokenId: "s" },
};
const authenticate = (token: string) => Promise.resolve(accounts[token] ?? null);

const zones: Handlers<typeof ZoneService> = {
  createZone: (request) => ({ name: request.name, refresh: request.refresh, createdAt: timestampFromMs(0) }),
  getZone: (request, call) => ({ name: request.zone, adminEmail: call.caller?.username ?? "", serial: 7 }),
  listZones: (request) => ({ zones: [{ name: `size ${request.pageSize}` }], nextPageToken: request.pageToken }),
  updateZone: (request) => ({
    name: request.zone,
    primaryNs: request.primaryNs ?? "unset",
    retry: request.retry ?? 42,
  }),
  deleteZone: () => ({}),
  exportZone: () => ({}),
  importZone: (request) => ({ serial: request.text.length }),
  listChanges: () => ({}),
  undoChange: () => ({}),
  exportZoneInPieces: async function* () {},
};
const records: Handlers<typeof RecordService> = {
  createRecord: () => {
    throw conflict('Cannot add CNAME "www": an A record exists at that name', {
      field: "type",
      hint: "Delete the A record first",
    });
  },
  setRecords: (request) => ({ records: request.values.map((value) => ({ value })) }),
  listRecords: () => {
    throw new Error("secret database path");
  },
  deleteRecords: (request) => ({ deleted: request.name === "" ? 2 : 1 }),
  deleteOwnedRecords: () => ({}),
};

function serve(operations: Operation[], more: Partial<RestOptions> = {}) {
  const app = restApp(operations, { authenticate, log: silentLogger, service: "mcns", version: "1.2.3", ...more });
  return async (
    line: string,
    init: { token?: string; json?: unknown; body?: BodyInit; headers?: HeadersInit } = {},
  ) => {
    const [method = "GET", path = "/"] = line.split(" ");
    const headers = new Headers(init.headers);
    if (init.token !== undefined) headers.set("authorization", `Bearer ${init.token}`);
    const body = init.json === undefined ? init.body : JSON.stringify(init.json);
    const request = new Request(`http://localhost${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    const response = await app(request, { remote: "127.0.0.1:1" });
    const text = await response.text();
    const type = response.headers.get("content-type") ?? "";
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: /[/+]json$/.test(type) && text !== "" ? JSON.parse(text) : null,
    };
  };
}
const call = serve([...implement(ZoneService, zones), ...implement(RecordService, records)]);

Deno.test("restApp answers in snake_case JSON with implicit fields and RFC 3339 times", async () => {
  const answer = await call("POST /v1/zones", { token: "admin", json: { name: "example.org", refresh: 60 } });
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json, {
    name: "example.org",
    primary_ns: "",
    admin_email: "",
    refresh: 60,
    retry: 0,
    expire: 0,
    minimum: 0,
    serial: 0,
    created_at: "1970-01-01T00:00:00Z",
    record_count: 0,
    kind: "",
    views: [],
    signed: false,
    catalog: "",
    is_catalog: false,
  });
  assert.equal(answer.headers.get("cache-control"), "no-store");
});

Deno.test("restApp fills requests from path, query and body, and keeps unset optional fields unset", async () => {
  const token = "admin";
  assert.equal((await call("GET /v1/zones/a%2Fb", { token })).json.name, "a/b");
  assert.equal((await call("GET /v1/zones?page_size=12&page_token=x", { token })).json.zones[0].name, "size 12");
  const patched = await call("PATCH /v1/zones/z", { token, json: { primary_ns: "ns1" } });
  assert.deepEqual([patched.json.name, patched.json.primary_ns, patched.json.retry], ["z", "ns1", 42]);
  assert.deepEqual((await call("DELETE /v1/zones/z", { token })).json, {});
  const set = await call("PUT /v1/zones/z/records", { token, json: { zone: "z", values: ["1", "2"] } });
  assert.deepEqual(set.json.records.map((r: { value: string }) => r.value), ["1", "2"]);
});

Deno.test("restApp refuses bad input, naming field and rule", async (t) => {
  const token = "admin";
  const json = (line: string, value: unknown, field: string, says: RegExp) => ({
    line,
    init: { token, json: value },
    field,
    says,
  });
  const plain = (line: string, field: string, says: RegExp) => ({ line, init: { token }, field, says });
  const rows: {
    line: string;
    init: { token: string; json?: unknown; body?: BodyInit; headers?: HeadersInit };
    field: string;
    says: RegExp;
  }[] = [
    json("POST /v1/zones", { nmae: "x" }, "nmae", /unknown field of CreateZoneRequest\. Did you mean "name"\?/),
    // Only the documented spelling is taken.
    json("POST /v1/zones", { primaryNs: "x" }, "primaryNs", /Did you mean "primary_ns"\?/),
    json("POST /v1/zones", { name: 12 }, "name", /must be a string, received "12"/),
    json("POST /v1/zones", { refresh: -1 }, "refresh", /between 0 and 4294967295, received "-1"/),
    json("POST /v1/zones", { refresh: 1.5 }, "refresh", /whole number/),
    json("POST /v1/zones", [1], "body", /must be a JSON object/),
    json("PUT /v1/zones/z/records", { values: "1" }, "values", /must be an array/),
    json("PUT /v1/zones/z/records", { values: ["1", 2] }, "values[1]", /must be a string/),
    json("PUT /v1/zones/z/records", { zone: "y" }, "zone", /the path says "z", the request "y"/),
    json("POST /v1/zones?name=x", {}, "name", /from the JSON body/),
    { line: "POST /v1/zones", init: { token, body: "{" }, field: "body", says: /not JSON/ },
    {
      line: "POST /v1/zones",
      init: { token, body: new Uint8Array([0x22, 0xff, 0x22]) },
      field: "body",
      says: /not JSON in UTF-8/,
    },
    { line: "POST /v1/zones", init: { token, body: "name=x" }, field: "body", says: /not JSON/ },
    plain("GET /v1/zones?pagesize=1", "pagesize", /Did you mean "page_size"\?/),
    plain("GET /v1/zones?page_size=one", "page_size", /whole number, received "one"/),
    plain("GET /v1/zones?page_size=", "page_size", /must be a number/),
    plain("GET /v1/zones?page_token=a&page_token=b", "page_token", /given 2 times/),
    plain("GET /v1/zones?access_token=x", "access_token", /unknown field/),
    plain("DELETE /v1/zones/z?force=true", "force", /unknown field/),
  ];
  for (const row of rows) {
    await t.step(`${row.line} ${JSON.stringify(row.init.json ?? "")} ${row.field}`, async () => {
      const answer = await call(row.line, row.init);
      assert.equal(answer.status, 400, answer.text);
      assert.equal(answer.headers.get("content-type"), "application/problem+json");
      assert.deepEqual([answer.json.code, answer.json.field], ["invalid", row.field]);
      assert.match(answer.json.detail, row.says);
    });
  }
});

Deno.test("restApp takes larger bodies where an operation's contract says so", async () => {
  const text = "x".repeat(2 * 1024 * 1024);
  const taken = await call("PUT /v1/zones/example.org/file", { token: "admin", json: { text } });
  assert.deepEqual([taken.status, taken.json.serial], [200, text.length]);
  const denied = await call("PUT /v1/zones/example.org/file", { token: "guest", json: { text } });
  assert.equal(denied.status, 403, "not read before access is checked");
  const large = "x".repeat(64 * 1024 * 1024);
  const refused = await call("PUT /v1/zones/example.org/file", { token: "admin", json: { text: large } });
  assert.deepEqual([refused.status, refused.json.code], [413, "too_large"]);
});

Deno.test("restApp refuses bodies over 1 MiB, announced or streamed", async () => {
  const big = "x".repeat(1024 * 1024 + 1);
  const announced = await call("POST /v1/zones", { token: "admin", json: { name: big } });
  assert.deepEqual([announced.status, announced.json.code], [413, "too_large"]);
  const streamed = await call("POST /v1/zones", { token: "admin", body: new Blob([big]).stream() });
  assert.deepEqual([streamed.status, streamed.json.code], [413, "too_large"]);
  const fits = await call("POST /v1/zones", { token: "admin", json: { name: "x".repeat(1024 * 1024 - 20) } });
  assert.equal(fits.status, 200);
});

Deno.test("restApp enforces access before it reads the body", async (t) => {
  const rows: [line: string, token: string | undefined, status: number, rule: string | undefined][] = [
    ["POST /v1/zones", undefined, 401, undefined],
    ["POST /v1/zones", "nonsense", 401, "invalid_token"],
    ["POST /v1/zones", "guest", 403, "access:admin"],
    ["POST /v1/zones", "user", 403, "access:admin"],
    ["POST /v1/zones", "system", 403, "access:admin"],
    ["GET /v1/zones", undefined, 401, undefined],
    ["GET /v1/zones", "guest", 200, undefined],
  ];
  for (const [line, token, status, rule] of rows) {
    await t.step(`${line} by ${token ?? "nobody"}`, async () => {
      const body = line.startsWith("POST") ? { body: "not JSON" } : {};
      const answer = await call(line, { ...body, ...(token === undefined ? {} : { token }) });
      assert.deepEqual([answer.status, answer.json.rule], [status, rule]);
    });
  }
  const challenge = (await call("GET /v1/zones")).headers.get("www-authenticate");
  assert.equal(challenge, 'Bearer realm="mcns"');
  const rejected = (await call("GET /v1/zones", { token: "nonsense" })).headers.get("www-authenticate");
  assert.equal(rejected, 'Bearer realm="mcns", error="invalid_token"');
  const basic = await call("GET /v1/zones", { headers: { authorization: "Basic YTpi" } });
  assert.deepEqual([basic.status, basic.json.code], [401, "unauthenticated"]);
});

Deno.test("restApp serves a local socket's peer as admin without a token", async () => {
  const local = serve(implement(ZoneService, zones), { authenticate: "local" });
  const answer = await local("GET /v1/zones/z");
  assert.deepEqual([answer.status, answer.json.admin_email], [200, "local"]);
});

Deno.test("restApp shows platform errors as problem details and hides defects behind the request id", async () => {
  const clash = await call("POST /v1/zones/z/records", {
    token: "user",
    json: {},
    headers: { "x-request-id": "req-1" },
  });
  assert.deepEqual(clash.json, {
    title: "Conflict",
    status: 409,
    detail: 'Cannot add CNAME "www": an A record exists at that name',
    code: "conflict",
    field: "type",
    hint: "Delete the A record first",
    request_id: "req-1",
  });
  assert.equal(clash.headers.get("x-request-id"), "req-1");
  const logged: unknown[] = [];
  const log = { ...silentLogger, error: (message: string, fields?: unknown) => logged.push([message, fields]) };
  const hidden = await serve(implement(RecordService, records), { log: log as never })("GET /v1/zones/z/records", {
    token: "user",
  });
  assert.equal(hidden.status, 500);
  assert.doesNotMatch(hidden.text, /database path/);
  assert.match(JSON.stringify(logged), /secret database path/);
  assert.match(JSON.stringify(logged), new RegExp(hidden.json.request_id));
});

Deno.test("restApp maps every kind of refusal to its status and headers", async () => {
  const rows: [PlatformError, number, string | null][] = [
    [rateLimited("Too many logins", 2.5), 429, "3"],
    [denied("rule-7", "no"), 403, null],
    [unavailable("MCIAS does not answer"), 503, null],
    [new PlatformError("sealed", "sealed"), 503, null],
    [new PlatformError("not_found", "none"), 404, null],
  ];
  for (const [error, status, retryAfter] of rows) {
    const throwing = serve(implement(ZoneService, { ...zones, getZone: () => Promise.reject(error) }));
    const answer = await throwing("GET /v1/zones/z", { token: "user" });
    assert.deepEqual([answer.status, answer.json.code, answer.headers.get("retry-after")], [
      status,
      error.code,
      retryAfter,
    ]);
  }
});

Deno.test("restApp tells unknown paths from verbs that a path doesn't take", async () => {
  const missing = await call("GET /v1/nowhere");
  assert.deepEqual([missing.status, missing.json.code], [404, "not_found"]);
  assert.equal((await call("GET /v1/zones/")).status, 404);
  assert.equal((await call("GET /v1/zones/%zz", { token: "user" })).status, 404);
  const verb = await call("POST /v1/zones/z");
  assert.deepEqual([verb.status, verb.headers.get("allow")], [405, "DELETE, GET, HEAD, OPTIONS, PATCH"]);
  const options = await call("OPTIONS /v1/zones");
  assert.deepEqual([options.status, options.headers.get("allow")], [204, "GET, HEAD, OPTIONS, POST"]);
  const head = await call("HEAD /v1/zones", { token: "user" });
  assert.deepEqual([head.status, head.text], [200, ""]);
});

Deno.test("restApp describes itself as OpenAPI 3.1", async () => {
  const { json } = await call("GET /v1/openapi.json");
  assert.equal(json.openapi, "3.1.0");
  assert.deepEqual(json.info, { title: "mcns", version: "1.2.3" });
  const list = json.paths["/v1/zones/{zone}/records"].get;
  assert.deepEqual(list.parameters.map((p: { name: string; in: string }) => `${p.in} ${p.name}`), [
    "path zone",
    "query name",
    "query type",
    "query page_size",
    "query page_token",
    "query contains",
    "query service",
    "query lease",
  ]);
  assert.deepEqual(list.security, [{ bearer: [] }]);
  assert.equal(json.components.schemas["mcns.v1.Zone"].properties.created_at.format, "date-time");
  for (const [, ref] of JSON.stringify(json).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    assert.ok(json.components.schemas[ref!], `${ref} is referred to but missing`);
  }
});

function agent(deploy: Handlers<typeof AgentService>["deploy"]): Operation[] {
  const unused = () => Promise.reject(new Error("unused"));
  const stream = async function* () {};
  return implement(AgentService, {
    deploy,
    undeploy: stream,
    stopService: stream,
    startService: stream,
    restartService: stream,
    streamLogs: stream,
    shutdown: stream,
    listServices: unused,
    getService: unused,
    getNode: unused,
    listEvents: unused,
  });
}

Deno.test("restApp streams one JSON object a line and ends a failed stream with an error line", async () => {
  const deploy = serve(agent(async function* (request) {
    yield { step: "pull", detail: request.fileName };
    yield { step: "start" };
    throw unavailable("MCR does not answer");
  }));
  const answer = await deploy("POST /v1/deploy", { token: "user", json: { file_name: "hello.toml" } });
  assert.equal(answer.headers.get("content-type"), "application/x-ndjson");
  const lines = answer.text.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(lines.map((line) => line.step ?? line.error.code), ["pull", "start", "unavailable"]);
  assert.equal(lines[0].detail, "hello.toml");
});

Deno.test("restApp answers a stream that fails before its first message with the error's own status", async () => {
  // deno-lint-ignore require-yield -- the failure before the first message is what is tested
  const deploy = serve(agent(async function* () {
    throw conflict("already deploying");
  }));
  const answer = await deploy("POST /v1/deploy", { token: "user", json: {} });
  assert.deepEqual([answer.status, answer.json.code], [409, "conflict"]);
});

Deno.test("restApp aborts the call and ends the handler when the reader of a stream goes away", async () => {
  const ended = Promise.withResolvers<string>();
  const operations = agent(async function* (_request, call: Call) {
    try {
      yield { step: "pull" };
      await new Promise((_, reject) => call.signal.addEventListener("abort", () => reject(new Error("aborted"))));
    } finally {
      ended.resolve(call.signal.aborted ? "aborted" : "still wanted");
    }
  });
  const seen: string[] = [];
  const observe = ({ code }: Observation) => void seen.push(code);
  const log = { ...silentLogger, error: () => assert.fail("a caller's leaving is no defect") };
  const app = restApp(operations, { authenticate: "local", log, observe, service: "mcp", version: "1" });
  const response = await app(new Request("http://localhost/v1/deploy", { method: "POST" }), { remote: "unix" });
  const reader = response.body!.getReader();
  await reader.read();
  const reading = reader.read();
  await reader.cancel();
  await reading;
  assert.equal(await ended.promise, "aborted");
  assert.deepEqual(seen, ["cancelled"]);
});

Deno.test("restApp reports each call once to its observer", async () => {
  const seen: string[] = [];
  const observed = serve(implement(ZoneService, zones), {
    observe: (o) => seen.push(`${o.operation} ${o.transport} ${o.code} ${o.username}`),
  });
  await observed("GET /v1/zones/z", { token: "user" });
  await observed("GET /v1/zones/z");
  assert.deepEqual(seen, [
    "mcns.v1.ZoneService.GetZone rest ok uma",
    "mcns.v1.ZoneService.GetZone rest unauthenticated null",
  ]);
});
