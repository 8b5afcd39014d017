import assert from "node:assert/strict";
import type { Buffer } from "node:buffer";
import type { SecureConnection } from "@lib/tls/mod.ts";
import { HttpsClient } from "./client.ts";
import { withServer, withTls } from "./server_fixture.ts";

const textOf = (body: ReadableStream<Uint8Array<ArrayBuffer>>) => new Response(body).text();
const get = { method: "GET", path: "/" };

Deno.test("HttpsClient keeps its connection for the next request", () => {
  const ports = new Set<string>();
  return withServer(() => new Response("x"), async ({ client, server }) => {
    for (const method of ["GET", "HEAD", "DELETE", "POST"]) {
      const response = await client.request({ method, path: "/" });
      assert.equal(await textOf(response.body), method === "HEAD" ? "" : "x");
      ports.add(String(server.connections));
    }
    assert.deepEqual([...ports], ["1"]);
  });
});

Deno.test("HttpsClient sends its service name as Host and checks it", () =>
  withServer((request) => new Response(request.headers.get("host")), async ({ client, server, port }) => {
    assert.equal(await textOf((await client.request(get)).body), `svc.test:${port}`);
    const other = new HttpsClient({ address: server.address, serverName: "other.test", ca: "" });
    await assert.rejects(other.request(get), { code: "unavailable" });
    other.close();
  }));

Deno.test("HttpsClient goes on after any number of failed connections", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const client = new HttpsClient({ address: `127.0.0.1:${port}`, serverName: "svc.test", ca: "", maxConnections: 2 });
  for (let attempt = 0; attempt < 5; attempt++) {
    await assert.rejects(client.request(get), {
      message: `Connection refused by 127.0.0.1:${port}: nothing listens there`,
    });
  }
  await assert.rejects(client.request({ method: "GET", path: "/a b\n" }), /unescaped|Invalid/);
  client.close();
});

Deno.test("HttpsClient repeats an idempotent request when the kept connection has died, and no other", () => {
  const seen: string[] = [];
  // Answers the first request of each connection and dies at the second, as a server whose idle time ends just then.
  const onConnection = (connection: SecureConnection) => {
    let requests = 0;
    connection.on("data", (data: Buffer) => {
      const line = String(data).split("\r\n", 1)[0]!;
      seen.push(line);
      if (requests++ > 0) connection.destroy();
      else connection.write("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx");
    });
  };
  return withTls(onConnection, async (client) => {
    const ask = async (method: string) => textOf((await client.request({ method, path: "/" })).body);
    assert.equal(await ask("GET"), "x");
    assert.equal(await ask("PUT"), "x");
    await assert.rejects(ask("POST"), { code: "unavailable" });
    assert.deepEqual(seen, ["GET / HTTP/1.1", "PUT / HTTP/1.1", "PUT / HTTP/1.1", "POST / HTTP/1.1"]);
  });
});

Deno.test("HttpsClient gives up on a server that makes no move, and on a signal", () =>
  withServer(() => new Promise(() => {}), async ({ client }) => {
    await assert.rejects(client.request(get), /GET \/ at svc\.test:\d+: the server made no move for 30 ms/);
    await assert.rejects(
      client.request({ ...get, signal: AbortSignal.abort() }),
      /GET \/ at svc\.test:\d+ was cancelled/,
    );
    const abort = new AbortController();
    const request = client.request({ ...get, signal: abort.signal });
    abort.abort();
    await assert.rejects(request, /was cancelled/);
  }, { client: { timeoutMs: 30 } }));

Deno.test("HttpsClient gives up on a body that stops", () =>
  withServer(
    () =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new Uint8Array(1)),
          pull: () => new Promise(() => {}),
        }),
      ),
    async ({ client }) => {
      const { body } = await client.request(get);
      await assert.rejects(textOf(body), { code: "unavailable" });
    },
    { client: { timeoutMs: 30 } },
  ));

Deno.test("HttpsClient closes the connection of a body that is cancelled", async () => {
  const cancelled = Promise.withResolvers<unknown>();
  await withServer(
    () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(65536)),
          cancel: cancelled.resolve,
        }),
      ),
    async ({ client }) => {
      const { body } = await client.request(get);
      await body.cancel();
      await cancelled.promise;
    },
  );
});

Deno.test("HttpsClient passes on what its upload stream throws", () =>
  withServer(async (request) => new Response(await request.text()), async ({ client }) => {
    let count = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (count++ > 0) throw new Error("disk on fire");
        controller.enqueue(new Uint8Array(10));
      },
    });
    await assert.rejects(client.request({ method: "PUT", path: "/", body }), /disk on fire/);
  }));

Deno.test("HttpsClient.close fails what is under way and leaves nothing open", async () => {
  const began = Promise.withResolvers<void>();
  await withServer(() => {
    began.resolve();
    return new Promise(() => {});
  }, async ({ client }) => {
    const request = client.request(get);
    const failed = assert.rejects(request, { code: "unavailable" });
    await began.promise;
    client.close();
    await failed;
    await assert.rejects(client.request(get), /The HTTPS client is closed/);
  });
});

for (const how of ["end", "destroy"] as const) {
  Deno.test(`HttpsClient opens a new connection when the server's ${how} met the kept one at rest`, () => {
    const connections: SecureConnection[] = [];
    const onConnection = (connection: SecureConnection) => {
      connections.push(connection);
      connection.on("data", () => connection.write("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx"));
    };
    return withTls(onConnection, async (client) => {
      // Several, so that kept connections are met dead that nobody has used since.
      const ask = async () => textOf((await client.request(get)).body);
      assert.deepEqual(await Promise.all([ask(), ask(), ask()]), ["x", "x", "x"]);
      for (const connection of connections) connection[how]();
      for (let i = 0; i < 3; i++) assert.equal(await ask(), "x");
    });
  });
}
