import assert from "node:assert/strict";
import { systemClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { Deadlines } from "../stream/deadlines.ts";
import type { Upstreams } from "../upstream/upstreams.ts";
import type { BackendCall } from "./backend_call.ts";
import type { BodySink, BodySource } from "./body.ts";
import type { ClientSide } from "./client_side.ts";
import { Exchange } from "./exchange.ts";
import type { LiveRoute } from "./live_route.ts";
import { noBody, noFields, noNames, type RequestHead, type ResponseHead, streamedBody } from "./message.ts";
import type { Page } from "./pages.ts";

const upload: RequestHead = {
  method: "POST",
  target: "/",
  host: "a.test",
  version: "1.1",
  length: streamedBody,
  expectsContinue: false,
  takesTrailers: false,
  webSocket: false,
  connectionNames: noNames,
  fields: noFields,
  neverIndexed: null,
  visitor: null,
};

function headOf(status: number): ResponseHead {
  return { status, reason: "", length: noBody, connectionNames: noNames, fields: noFields, neverIndexed: null };
}

const discarding: BodySink = { write() {}, flush() {}, end() {} };

/** What of a route an upload looks at. */
const plainRoute = {
  backends: [],
  maintenance: "",
  redirect: null,
  signIn: null,
  maxBodyBytes: 0,
  backendProtocol: "h1",
  stripPath: false,
  path: "/",
  requestHeaders: [],
  responseHeaders: [],
  compress: false,
};

interface Script {
  /** Of the request's body, one after the other. */
  body: Promise<Uint8Array | null>[];
  /** What the backend says first. */
  interim: Promise<ResponseHead>;
  /** What it says then; never, unless given. */
  head?: Promise<ResponseHead>;
  /** Called with an interim response for the client, which has been told when it settles. */
  told(): Promise<void>;
  responseMs: number;
  streamIdleMs: number;
}

/** The status that a client gets for an upload that goes so. */
async function statusOf(script: Script): Promise<number> {
  const { body, responseMs, streamIdleMs } = script;
  const cancelled = Promise.withResolvers<never>();
  cancelled.promise.catch(() => {});
  const heads = [script.interim, Promise.race([script.head ?? cancelled.promise, cancelled.promise])];
  const call: BackendCall = {
    backend: { hostname: "127.0.0.1", port: 1, key: "127.0.0.1:1" },
    reused: false,
    refused: false,
    send: () => discarding,
    head: () => heads.shift()!,
    body: () => assert.fail("no response here has a body"),
    join: () => assert.fail("nobody asks for a WebSocket"),
    cancel: () => cancelled.reject(new Error("cancelled")),
    release() {},
  };
  const source: BodySource = {
    ended: false,
    hasMargins: false,
    trailers: null,
    read: () => body.shift() ?? Promise.resolve(null),
    release() {},
  };
  let status = 0;
  const client: ClientSide = {
    request: upload,
    closed: false,
    takesInterim: true,
    needsWholeUpload: false,
    body: () => source,
    interim: () => script.told(),
    respond: (head) => {
      status = head.status;
      return discarding;
    },
    delivered() {},
    page: (page: Page) => {
      status = page.status;
    },
    accept: () => assert.fail("nobody asks for a WebSocket"),
    cut: () => status = -1,
  };
  const route = { ...plainRoute, responseTimeoutMs: 0 };
  const end = { address: "127.0.0.1", port: 1 };
  await new Exchange({
    peer: { source: end, destination: end },
    hostname: "a.test",
    refusal: () => null,
    clients: { refusal: () => null, field: () => "" },
    route: () => ({ route, counters: { requests: 0, backendErrors: 0 } }) as unknown as LiveRoute,
    gate: null,
    upstreams: { call: () => call } as unknown as Upstreams,
    deadlines: new Deadlines(systemClock),
    limits: { bodyMs: 10_000, responseMs, streamIdleMs, tunnelIdleMs: 10_000 },
    observer: null,
    date: () => "",
    moved() {},
    log: silentLogger,
  }, client).run();
  return status;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("Exchange doesn't wait for ever when an upload ends while the client is told of an interim response", async () => {
  const told = Promise.withResolvers<void>();
  const end = Promise.withResolvers<null>();
  const status = statusOf({
    body: [Promise.resolve(Uint8Array.of(1)), end.promise],
    interim: Promise.resolve(headOf(103)),
    told: async () => {
      end.resolve(null);
      await pause(20);
      told.resolve();
    },
    responseMs: 100,
    streamIdleMs: 10_000,
  });
  await told.promise;
  const late = Promise.withResolvers<number>();
  const timer = setTimeout(() => late.resolve(0), 3000);
  assert.equal(await Promise.race([status, late.promise]), 504);
  clearTimeout(timer);
});

Deno.test("Exchange lets an upload take its time after an interim response that it went on beside", async () => {
  const more = Promise.withResolvers<Uint8Array>();
  const head = Promise.withResolvers<ResponseHead>();
  const status = await statusOf({
    body: [Promise.resolve(Uint8Array.of(1)), more.promise, pause(600).then(() => Uint8Array.of(3))],
    interim: Promise.resolve(headOf(103)),
    head: head.promise,
    told: async () => {
      more.resolve(Uint8Array.of(2));
      await pause(20);
      setTimeout(() => head.resolve(headOf(204)), 900);
    },
    responseMs: 1000,
    streamIdleMs: 100,
  });
  assert.equal(status, 204);
});
