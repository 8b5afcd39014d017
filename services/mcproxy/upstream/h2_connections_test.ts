import assert from "node:assert/strict";
import { systemClock } from "@lib/clock/mod.ts";
import { ConnStream } from "../stream/conn_stream.ts";
import { Deadlines } from "../stream/deadlines.ts";
import { H2Backend, type H2BackendOptions } from "../testing/h2.ts";
import { H2Connections, type H2Place, PoolFull } from "./h2_connections.ts";

/** Connections to a backend that answers everything, and a clock that is set by hand. */
class Pool implements AsyncDisposable {
  readonly backend: H2Backend;
  readonly connections: H2Connections;
  now = 0;
  dialled = 0;

  constructor({ maxConnections = 64, ...backend }: H2BackendOptions & { maxConnections?: number } = {}) {
    this.backend = new H2Backend((stream) => stream.respond(200, [], true), backend);
    this.connections = new H2Connections({
      maxConnections,
      settingsMs: 5000,
      deadlines: new Deadlines(systemClock),
      now: () => this.now,
    });
  }

  place(owner = ""): Promise<H2Place> {
    return this.connections.place(owner, async () => {
      if (++this.dialled > 20) throw new Error("dialled too often");
      return new ConnStream(await Deno.connect({ hostname: "127.0.0.1", port: this.backend.port }));
    });
  }

  /** When the backend has no connection any more. */
  async ended(): Promise<void> {
    while (this.backend.connections.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.connections.close();
    await this.ended();
    await this.backend[Symbol.asyncDispose]();
  }
}

async function ask({ connection }: H2Place): Promise<number> {
  const request = { method: "GET", scheme: "http", authority: "a.test", path: "/", fields: [] };
  return (await connection.request(request, true).response()).status;
}

Deno.test("H2Connections keeps a connection that answers after a pause, however many ask for it at once", async () => {
  await using pool = new Pool();
  const first = await pool.place();
  assert.equal(await ask(first), 200);
  first.release();
  pool.now += 6000;
  const places = await Promise.all(Array.from({ length: 40 }, () => pool.place()));
  assert.ok(places.every(({ connection }) => connection === first.connection));
  assert.equal(pool.dialled, 1);
  for (const place of places) place.release();
});

Deno.test("H2Connections serves those who waited when it was closed, by one connection, and ends that", async () => {
  await using pool = new Pool();
  const waiting = [pool.place(), pool.place()];
  pool.connections.close();
  const places = await Promise.all(waiting);
  assert.deepEqual(await Promise.all(places.map(ask)), [200, 200]);
  assert.equal(pool.dialled, 1);
  for (const place of places) place.release();
  await pool.ended();
});

Deno.test("H2Connections ends a connection that nobody waits for any more when it is ready", async () => {
  await using pool = new Pool();
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: pool.backend.port });
  const adopted = pool.connections.adopt(new ConnStream(conn), "");
  pool.connections.close();
  await adopted;
  await pool.ended();
});

Deno.test("H2Connections counts the connections that are being made: no more owners than connections", async () => {
  await using pool = new Pool({ maxConnections: 3 });
  const outcomes = await Promise.allSettled(["a", "b", "c", "d", "e"].map((owner) => pool.place(owner)));
  assert.deepEqual(outcomes.map(({ status }) => status), [...Array(3).fill("fulfilled"), ...Array(2).fill("rejected")]);
  for (const outcome of outcomes) {
    if (outcome.status === "fulfilled") outcome.value.release();
    else assert.ok(outcome.reason instanceof PoolFull);
  }
  assert.equal(pool.dialled, 3);
  // One that has served makes room for another owner's.
  const place = await pool.place("d");
  place.release();
  assert.equal(pool.dialled, 4);
});

Deno.test("H2Connections gives up on a backend that takes no streams, and on one that says goodbye at once", async () => {
  await using full = new Pool({ maxConcurrentStreams: 0 });
  await assert.rejects(full.place(), /takes no streams/);
  assert.equal(full.dialled, 1);
  await using leaving = new Pool({
    accepted: async (conn) => {
      // SETTINGS and GOAWAY in one packet, as a server that is about to restart says them.
      await conn.write(Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
    },
  });
  await assert.rejects(leaving.place(), /takes no streams/);
  assert.equal(leaving.dialled, 1);
});

Deno.test("H2Connections gives out no more places than the backend takes streams, however many wait at once", async () => {
  await using pool = new Pool({ maxConcurrentStreams: 2 });
  const places = await Promise.all(Array.from({ length: 20 }, () => pool.place()));
  assert.deepEqual(await Promise.all(places.map(ask)), Array(20).fill(200));
  assert.equal(pool.dialled, 10);
  for (const place of places) place.release();
});
