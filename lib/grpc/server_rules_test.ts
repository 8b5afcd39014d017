/** What a server answers, by PROTOCOL-HTTP2.md, statuscodes.md and compression.md of gRPC: a row for each rule. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { create, toBinary } from "@bufbuild/protobuf";
import type { Caller } from "@lib/auth/mod.ts";
import { type Call, type Handlers, implement, type Observation } from "@lib/contract/mod.ts";
import { conflict } from "@lib/errors/mod.ts";
import { errorCodes } from "@lib/http2/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { GetZoneRequestSchema, ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { AgentService } from "@proto/mcp/v1/agent_pb.ts";
import { HealthService } from "@proto/metacircular/v1/health_pb.ts";
import { type GrpcServer, serveGrpc } from "./mod.ts";
import { framed, type RawAnswer, RawClient, type RawRequest } from "./testing/raw_client.ts";

const guest: Caller = { subject: "3", username: "gus", accountType: "human", roles: ["guest"], tokenId: "g" };
const unused = () => Promise.reject(new Error("unused"));

interface Played {
  getZone?: Handlers<typeof ZoneService>["getZone"];
  deploy?: Handlers<typeof AgentService>["deploy"];
  observe?(observation: Observation): void;
}

function start({ getZone = ({ zone }) => ({ name: zone }), deploy = async function* () {}, observe }: Played = {}) {
  const stream = async function* () {};
  return serveGrpc({
    address: "127.0.0.1:0",
    operations: [
      ...implement(ZoneService, {
        getZone,
        createZone: () => {
          throw new Error("a guest came in");
        },
        ...{ listZones: unused, updateZone: unused, deleteZone: unused, exportZone: unused, importZone: unused },
        ...{ listChanges: unused, undoChange: unused, exportZoneInPieces: stream },
      }),
      ...implement(AgentService, {
        deploy,
        ...{ undeploy: stream, stopService: stream, startService: stream, restartService: stream, streamLogs: stream },
        ...{ shutdown: stream, listServices: unused, getService: unused, getNode: unused, listEvents: unused },
      }),
      ...implement(HealthService, { getHealth: () => ({ status: "serving" }) }),
    ],
    authenticate: (token) =>
      Promise.resolve(token === "guest" ? guest : token === "admin" ? { ...guest, roles: ["admin"] } : null),
    log: silentLogger,
    ...(observe === undefined ? {} : { observe }),
  });
}

const [health, zone, createZone, deploy] = [
  "/metacircular.v1.HealthService/GetHealth",
  "/mcns.v1.ZoneService/GetZone",
  "/mcns.v1.ZoneService/CreateZone",
  "/mcp.v1.AgentService/Deploy",
];
const admin = ["authorization", "Bearer admin"];
const z = framed(toBinary(GetZoneRequestSchema, create(GetZoneRequestSchema, { zone: "z" })));
/** An unknown field of so many octets, which any message may have. */
function padding(octets: number): Uint8Array {
  const bytes = new Uint8Array(octets);
  // Field 100, length-delimited; the length in four octets.
  bytes.set([0xa2, 0x06, ...[0, 7, 14].map((bits) => (octets - 6) >>> bits & 0x7f | 0x80), (octets - 6) >>> 21]);
  return bytes;
}

/** "200 7 octets, 0", "200 12 The server …" (trailers-only), "415". */
function shown({ status, trailersOnly, octets, trailers }: RawAnswer): string {
  const code = trailers.get("grpc-status");
  if (code === undefined) return `${status}`;
  const message = trailers.get("grpc-message");
  return `${status} ${trailersOnly ? "" : `${octets} octets, `}${code}${message === undefined ? "" : ` ${message}`}`;
}

const tokenless = "16 Authentication required; log in and send the token as a bearer token";
const exactlyOne = "12 This method takes exactly one message";
const rows: [name: string, request: RawRequest, says: string | RegExp][] = [
  ["a message", { path: zone, more: admin, body: [z] }, "200 8 octets, 0"],
  [
    "a message, octet by octet",
    { path: zone, more: admin, body: [...z].map((o) => Uint8Array.of(o)) },
    "200 8 octets, 0",
  ],
  ["an empty message", { path: zone, more: admin }, "200 5 octets, 0"],
  ["the largest message", { path: zone, more: admin, body: [framed(padding(1024 * 1024))] }, "200 5 octets, 0"],
  ["no message", { path: zone, more: admin, body: [] }, `200 ${exactlyOne}`],
  ["no message, for a stream", { path: deploy, more: admin, body: [] }, `200 ${exactlyOne}`],
  ["two messages", { path: zone, more: admin, body: [z, z] }, `200 ${exactlyOne}`],
  [
    "half a prefix",
    { path: zone, more: admin, body: [z.subarray(0, 3)] },
    "200 13 The request ended in the middle of a message",
  ],
  [
    "half a message",
    { path: zone, more: admin, body: [z.subarray(0, 6)] },
    "200 13 The request ended in the middle of a message",
  ],
  [
    "a message above the limit, of which only the prefix has come",
    { path: zone, more: admin, body: [framed(undefined, 0, 1024 * 1024 + 1)], open: true },
    "200 8 Received message larger than max (1048577 vs 1048576)",
  ],
  [
    "no protobuf",
    { path: zone, more: admin, body: [framed(Uint8Array.of(0x0a, 0xff))] },
    /^200 3 request: not a mcns\.v1\.GetZoneRequest/,
  ],
  [
    "no protobuf, for health",
    { path: "/grpc.health.v1.Health/Check", body: [framed(Uint8Array.of(0x0a, 0xff))] },
    /^200 3 request: not a grpc/,
  ],
  [
    "Compressed-Flag without grpc-encoding",
    { path: zone, more: admin, body: [framed(undefined, 1)] },
    /^200 13 Compressed-Flag/,
  ],
  ["grpc-encoding: identity", { path: zone, more: [...admin, "grpc-encoding", "identity"] }, "200 5 octets, 0"],
  [
    "grpc-encoding: gzip",
    { path: zone, more: [...admin, "grpc-encoding", "gzip"] },
    "200 12 grpc-encoding must be identity, not gzip",
  ],
  ["an unknown service", { path: "/a.B/C" }, "200 12 The server does not implement the method /a.B/C"],
  ["an unknown method", { path: "/mcns.v1.ZoneService/Get" }, /^200 12 /],
  ["content-type with +proto", { path: health, fields: ["content-type", "application/grpc+proto"] }, /octets, 0$/],
  ["content-type with a parameter", { path: health, fields: ["content-type", "application/grpc; a=b"] }, /octets, 0$/],
  ["content-type of another codec", { path: health, fields: ["content-type", "application/grpc+json"] }, "415"],
  ["content-type of gRPC-Web", { path: health, fields: ["content-type", "application/grpc-web"] }, "415"],
  ["content-type of something else", { path: health, fields: ["content-type", "text/plain"] }, "415"],
  ["no content-type", { path: health, fields: [] }, "415"],
  ["GET", { path: health, method: "GET", body: [] }, "405"],
  [
    "grpc-timeout of nine digits",
    { path: health, more: ["grpc-timeout", "123456789S"] },
    "200 13 Invalid grpc-timeout value 123456789S",
  ],
  [
    "grpc-timeout without a unit",
    { path: health, more: ["grpc-timeout", "10"] },
    "200 13 Invalid grpc-timeout value 10",
  ],
  ["grpc-timeout of centuries", { path: health, more: ["grpc-timeout", "99999999H"] }, /octets, 0$/],
  ["no token", { path: zone, body: [z] }, `200 ${tokenless}`],
  ["no token, and no message yet", { path: zone, body: [], open: true }, `200 ${tokenless}`],
  [
    "a bad token",
    { path: zone, more: ["authorization", "Bearer x"], body: [], open: true },
    /^200 16 The token is unknown/,
  ],
  ["another scheme", { path: zone, more: ["authorization", "Basic eDp5"] }, /^200 16 The Authorization header must be/],
  [
    "a caller who may not",
    { path: createZone, more: ["authorization", "Bearer guest"], body: [], open: true },
    /^200 7 Account "gus"/,
  ],
];

Deno.test("serveGrpc answers by the rules of gRPC", async (t) => {
  await using server = await start();
  await using client = await RawClient.connect(server.address);
  for (const [name, request, says] of rows) {
    await t.step(name, async () => {
      const answer = await client.call(request);
      if (typeof says === "string") assert.equal(shown(answer), says);
      else assert.match(shown(answer), says);
      if (answer.status !== 200) return;
      assert.equal(answer.head.get("content-type"), "application/grpc+proto");
      assert.equal(answer.head.get("grpc-accept-encoding"), "identity");
      assert.match(answer.head.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
    });
  }
});

Deno.test("an error's message is percent-encoded, its facts are base64 without padding", async () => {
  await using server = await start({
    getZone: () => {
      throw conflict('Cannot add "ä":\n100 % taken ', { rule: "cname", hint: "Delete “it” first" });
    },
  });
  await using client = await RawClient.connect(server.address);
  const { trailers, trailersOnly } = await client.call({ path: zone, more: [...admin, "x-request-id", "r-1"] });
  assert.equal(trailersOnly, true);
  assert.equal(trailers.get("x-request-id"), "r-1");
  assert.equal(trailers.get("grpc-status"), "9");
  assert.equal(trailers.get("grpc-message"), 'Cannot add "%C3%A4":%0A100 %25 taken%20');
  const facts = trailers.get("metacircular-error-bin")!;
  assert.match(facts, /^[A-Za-z0-9+/]+$/);
  const sent = JSON.parse(Buffer.from(facts, "base64").toString());
  assert.deepEqual(sent, { code: "conflict", rule: "cname", hint: "Delete “it” first" });
});

/** Resolves with the observation of the one call, and with its signal once it has aborted. */
function watched(): { played: Played; aborted: Promise<void>; observed: Promise<Observation> } {
  const aborted = Promise.withResolvers<void>();
  const observed = Promise.withResolvers<Observation>();
  const hang = (_request: unknown, { signal }: Call) =>
    new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => {
        aborted.resolve();
        reject(signal.reason);
      });
    });
  return { played: { getZone: hang, observe: observed.resolve }, aborted: aborted.promise, observed: observed.promise };
}

Deno.test("grpc-timeout ends a call whose handler goes on: DEADLINE_EXCEEDED, and the signal aborts", async () => {
  const { played, aborted, observed } = watched();
  await using server = await start(played);
  await using client = await RawClient.connect(server.address);
  const answer = await client.call({ path: zone, more: [...admin, "grpc-timeout", "50m"] });
  assert.equal(shown(answer), "200 4 Deadline exceeded");
  await aborted;
  assert.equal((await observed).code, "cancelled");
});

Deno.test("grpc-timeout holds for a request that doesn't come", async () => {
  await using server = await start();
  await using client = await RawClient.connect(server.address);
  const request = { path: zone, more: [...admin, "grpc-timeout", "20000u"], body: [z.subarray(0, 6)], open: true };
  assert.equal(shown(await client.call(request)), "200 4 Deadline exceeded");
});

Deno.test("RST_STREAM cancels a call, and so does the end of its connection", async () => {
  for (const hangUp of ["reset", "destroy"]) {
    const { played, aborted, observed } = watched();
    await using server = await start(played);
    await using client = await RawClient.connect(server.address);
    const stream = client.start({ path: zone, more: admin });
    await client.connection.ping();
    if (hangUp === "reset") stream.reset(errorCodes.cancel);
    else client.connection.destroy();
    await aborted;
    assert.equal((await observed).code, "cancelled");
  }
});

Deno.test("a stream's head comes before its first message", async () => {
  await using server = await start({
    deploy: async function* () {
      await new Promise(() => {});
      yield {};
    },
  });
  await using client = await RawClient.connect(server.address);
  const stream = client.start({ path: deploy, more: admin });
  assert.equal((await stream.response()).end, false);
});

Deno.test("a stream makes no message that its caller's window has no room for", async () => {
  const messageBytes = 10_000;
  const windowBytes = 65_535;
  let made = 0;
  let ended = false;
  await using server = await start({
    deploy: async function* () {
      try {
        for (;; made++) yield { detail: "x".repeat(messageBytes) };
      } finally {
        ended = true;
      }
    },
  });
  await using client = await RawClient.connect(server.address, windowBytes);
  const stream = client.start({ path: deploy, more: admin });
  await stream.response();
  for (let i = 0; i < 5; i++) await client.connection.ping();
  const most = Math.floor(windowBytes / messageBytes) + 1;
  assert.ok(made <= most, `${made} messages for a window of ${windowBytes}`);
  for (let octets = 0; octets < 10 * windowBytes;) octets += (await stream.read())!.length;
  assert.ok(made > 10 * most - 10);
  stream.reset(errorCodes.cancel);
  while (!ended) await client.connection.ping();
});

Deno.test("a call that is reset in the same breath never reaches its handler, and a flood of them ends the connection", async () => {
  let calls = 0;
  await using server: GrpcServer = await start({ getZone: () => (calls++, {}) });
  await using client = await RawClient.connect(server.address);
  await client.connection.ping();
  for (let i = 0; i < 3000 && client.connection.available > 0; i++) {
    client.start({ path: zone, more: admin, body: [], open: true }).reset(errorCodes.cancel);
    if (i % 50 === 49) await client.connection.ping().catch(() => {});
  }
  await client.over;
  assert.equal(calls, 0);
  await using other = await RawClient.connect(server.address);
  assert.equal(shown(await other.call({ path: zone, more: admin })), "200 5 octets, 0");
});

Deno.test("requests that strangers never finish leave those of callers their room", async () => {
  await using server = await start();
  await using stranger = await RawClient.connect(server.address);
  const unfinished = framed(new Uint8Array(600_000), 0, 1 << 20);
  const opened = Array.from({ length: 65 }, () => stranger.start({ path: health, body: [], open: true }));
  // Those that are refused don't take all of it.
  await Promise.allSettled(opened.map((stream) => stream.write(unfinished)));
  await stranger.connection.ping();
  await using caller = await RawClient.connect(server.address);
  const answer = await caller.call({ path: zone, more: admin, body: [framed(padding(100_000))] });
  assert.equal(answer.trailers.get("grpc-status"), "0");
});
