import assert from "node:assert/strict";
import { once } from "node:events";
import { invalid, PlatformError } from "@lib/errors/mod.ts";
import { transcript, withServer } from "./server_fixture.ts";

const mebibyte = 1024 * 1024;
/** What sockets and streams of both ends may hold on loopback, far below what is offered. */
const limitBytes = 32 * mebibyte;
const textOf = (body: ReadableStream<Uint8Array<ArrayBuffer>>) => new Response(body).text();

/** An endless body that counts what is taken of it, and tells when nothing was for 300 ms. */
function endless(): { stream: ReadableStream<Uint8Array<ArrayBuffer>>; taken: () => number; stopped: Promise<void> } {
  const chunk = new Uint8Array(65536);
  let taken = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  let timer: ReturnType<typeof setTimeout>;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      clearTimeout(timer);
      taken += chunk.length;
      controller.enqueue(chunk);
      timer = setTimeout(resolve, 300);
    },
    cancel: () => clearTimeout(timer),
  }, { highWaterMark: 0 });
  return { stream, taken: () => taken, stopped: promise };
}

Deno.test("serveHttp streams a large body both ways at once", () =>
  withServer((request) => new Response(request.body), async ({ client }) => {
    const total = 64 * mebibyte;
    let left = total;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (left === 0) return controller.close();
        left -= mebibyte;
        controller.enqueue(new Uint8Array(mebibyte).fill(left / mebibyte));
      },
    }, { highWaterMark: 0 });
    const response = await client.request({ method: "POST", path: "/", body });
    let received = 0;
    for await (const chunk of response.body) {
      assert.equal(chunk[0], total / mebibyte - 1 - Math.floor(received / mebibyte));
      received += chunk.length;
    }
    assert.equal(received, total);
  }));

Deno.test("serveHttp takes no more of a response than a client that doesn't read", async () => {
  const source = endless();
  await withServer(() => new Response(source.stream), async ({ client }) => {
    const { body } = await client.request({ method: "GET", path: "/" });
    await source.stopped;
    assert.ok(source.taken() < limitBytes, `${source.taken()} bytes`);
    await body.cancel();
  });
});

Deno.test("serveHttp takes no more of an upload than its handler reads", async () => {
  const source = endless();
  const done = Promise.withResolvers<Response>();
  await withServer(() => done.promise, async ({ client }) => {
    const sent = client.request({ method: "PUT", path: "/", body: source.stream });
    await source.stopped;
    assert.ok(source.taken() < limitBytes, `${source.taken()} bytes`);
    done.resolve(new Response("enough", { status: 413 }));
    const response = await sent;
    assert.equal(response.status, 413);
    assert.equal(response.headers.get("connection"), "close");
    assert.equal(await textOf(response.body), "enough");
  });
});

Deno.test("serveHttp fails the request body when the client goes away inside it", async () => {
  const failed = Promise.withResolvers<unknown>();
  const reading = Promise.withResolvers<void>();
  await withServer(async (request) => {
    try {
      for await (const _chunk of request.body!) reading.resolve();
      failed.resolve(null);
    } catch (error) {
      failed.resolve(error);
      throw error;
    }
    return new Response();
  }, async ({ dial, logged }) => {
    const connection = await dial();
    connection.write("PUT / HTTP/1.1\r\nHost: svc.test\r\nContent-Length: 1000\r\n\r\nsome");
    await reading.promise;
    connection.destroy();
    const error = await failed.promise;
    assert.ok(error instanceof PlatformError);
    assert.equal(error.message, "The client closed the connection before the request body was whole");
    assert.doesNotMatch(logged.join(""), /ERROR/);
  });
});

Deno.test("serveHttp keeps the connection after a small body that nobody read, and closes it after a large one", () =>
  withServer(() => {
    throw invalid("name", "no");
  }, async ({ dial }) => {
    const put = (length: number) =>
      `PUT / HTTP/1.1\r\nHost: svc.test\r\nContent-Length: ${length}\r\n\r\n${"x".repeat(length)}`;
    const last = "GET / HTTP/1.1\r\nHost: svc.test\r\nConnection: close\r\n\r\n";
    assert.equal((await transcript(await dial(), put(1000) + last)).match(/HTTP\/1\.1 400/g)?.length, 2);
    assert.equal((await transcript(await dial(), put(1_000_000))).match(/HTTP\/1\.1 400/g)?.length, 1);
  }));

Deno.test("serveHttp tells a client that asks to go on", () =>
  withServer(async (request) => new Response(await request.text()), async ({ dial }) => {
    const connection = await dial();
    connection.write(
      "PUT / HTTP/1.1\r\nHost: svc.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
    );
    const [first] = await once(connection, "data");
    assert.equal(String(first), "HTTP/1.1 100 Continue\r\n\r\n");
    assert.match(await transcript(connection, "body"), /^HTTP\/1\.1 200 OK[^]*\r\n\r\nbody$/);
  }));

Deno.test("serveHttp reads a chunked body to its end", () =>
  withServer(async (request) => new Response(await request.text()), async ({ dial }) => {
    const head = "POST / HTTP/1.1\r\nHost: svc.test\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    assert.match(await transcript(await dial(), head + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"), /\r\n\r\nabcde$/);
  }));
