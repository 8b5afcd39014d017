import assert from "node:assert/strict";
import { once } from "node:events";
import { withServer } from "./server_fixture.ts";

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: svc.test\r\n\r\n`;

Deno.test("HttpServer.close lets requests finish and closes idle connections at once", async () => {
  const began = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  await withServer(async (request) => {
    if (request.url.endsWith("/none")) return new Response("");
    began.resolve();
    await finish.promise;
    return new Response("finished");
  }, async ({ server, dial }) => {
    const idle = await dial();
    idle.write("GET /none HTTP/1.1\r\nHost: svc.test\r\n\r\n");
    await once(idle, "data");
    const busy = await dial();
    busy.write(get("/"));
    await began.promise;
    const closing = server.close(60_000);
    idle.resume();
    await once(idle, "end");
    idle.end();
    await assert.rejects(dial(), { code: "unavailable" });
    finish.resolve();
    let answer = "";
    for await (const chunk of busy) answer += chunk;
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\nconnection: close\r\n[^]*finished$/);
    await closing;
    assert.equal(server.connections, 0);
  });
});

Deno.test("HttpServer.close answers the first request of a connection that was just made", async () => {
  await withServer(() => new Response("first"), async ({ server, dial }) => {
    const fresh = await dial();
    const closing = server.close(60_000);
    fresh.write(get("/"));
    let answer = "";
    for await (const chunk of fresh) answer += chunk;
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\nconnection: close\r\n[^]*first$/);
    await closing;
  });
});

Deno.test("HttpServer.close closes a connection that never asks", async () => {
  await withServer(() => new Response(), async ({ server, dial }) => {
    const silent = await dial();
    silent.resume();
    silent.once("end", () => silent.end());
    await server.close(60_000);
  });
});

Deno.test("HttpServer.close cuts what isn't finished in time", async () => {
  const began = Promise.withResolvers<AbortSignal>();
  await withServer((request) => {
    began.resolve(request.signal);
    return new Promise(() => {});
  }, async ({ server, dial }) => {
    const connection = await dial();
    connection.write(get("/"));
    const signal = await began.promise;
    await server.close(10);
    assert.equal(signal.aborted, true);
    connection.resume();
    connection.end();
    await once(connection, "close");
  });
});

Deno.test("serveHttp ends a request head that doesn't come whole with 408", () =>
  withServer(() => new Response(), async ({ dial }) => {
    const connection = await dial();
    connection.write("GET / HTTP/1.1\r\nHost:");
    const [answer] = await once(connection, "data");
    assert.match(String(answer), /^HTTP\/1\.1 408 Request Timeout/);
    connection.end();
    await once(connection, "close");
  }, { limits: { headerTimeoutMs: 20 } }));

Deno.test("serveHttp ends connections that are idle for too long", () =>
  withServer(() => new Response("x"), async ({ dial }) => {
    const connection = await dial();
    connection.write(get("/"));
    let answer = "";
    for await (const chunk of connection) answer += chunk;
    assert.match(answer, /\r\n\r\nx$/);
  }, { limits: { idleTimeoutMs: 20 } }));

Deno.test("serveHttp cuts a client that stops in the middle of its upload", () =>
  withServer(async (request) => new Response(await request.text()), async ({ dial }) => {
    const connection = await dial();
    connection.write("PUT / HTTP/1.1\r\nHost: svc.test\r\nContent-Length: 10\r\n\r\nsome");
    connection.resume();
    await once(connection, "end");
    connection.destroy();
  }, { limits: { stallTimeoutMs: 20 } }));

Deno.test("serveHttp cuts a client that stops taking its response", async () => {
  const cancelled = Promise.withResolvers<unknown>();
  const chunk = new Uint8Array(65536);
  await withServer(
    () =>
      new Response(
        new ReadableStream({ pull: (controller) => controller.enqueue(chunk), cancel: cancelled.resolve }, {
          highWaterMark: 0,
        }),
      ),
    async ({ dial }) => {
      const connection = await dial();
      connection.write(get("/"));
      await cancelled.promise;
      connection.destroy();
    },
    { limits: { stallTimeoutMs: 50 } },
  );
});
