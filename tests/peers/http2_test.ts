/**
 * lib/http2 and other people's HTTP/2, in the clear with prior knowledge (RFC 9113 §3.3).
 * @module
 */
import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { join } from "node:path";
import {
  type ConnectionError,
  Http2ClientConnection,
  Http2ServerConnection,
  type ServerStream,
} from "@lib/http2/mod.ts";
import { TcpTransport } from "./http2_plain.ts";
import { withTools } from "./tools.ts";

const bodyBytes = 20_000_000;

interface PlainServer extends AsyncDisposable {
  url: string;
  /** Connections that ended badly. */
  errors: (ConnectionError | string)[];
}

/**
 * /hello answers "hello"; /big 20 MB; a body is answered with its length and SHA-256, and with a trailer that tells
 * the request's trailers.
 */
function serve(): PlainServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const errors: (ConnectionError | string)[] = [];
  const running = new Set<Promise<void>>();
  const connections = new Set<Http2ServerConnection>();
  const accepting = (async () => {
    for await (const socket of listener) {
      const connection = new Http2ServerConnection(new TcpTransport(socket), {
        onRequest: (stream) => void answer(stream).catch((error) => errors.push(String(error))),
      });
      connections.add(connection);
      const run = connection.run().then(() => {
        connections.delete(connection);
        running.delete(run);
        if (connection.error !== null) errors.push(connection.error);
      });
      running.add(run);
    }
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    errors,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const connection of connections) connection.destroy();
      await Promise.all(running);
    },
  };
}

async function answer(stream: ServerStream): Promise<void> {
  if (stream.path === "/big") {
    stream.respond(200, ["content-length", String(bodyBytes)], false);
    const chunk = new Uint8Array(100_000).fill(0x61);
    for (let sent = 0; sent < bodyBytes; sent += chunk.length) await stream.write(chunk);
    return stream.end();
  }
  if (!stream.hasBody) {
    stream.respond(200, ["content-type", "text/plain"], false);
    return await stream.write(new TextEncoder().encode("hello"), true);
  }
  const hash = createHash("sha256");
  let length = 0;
  for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) {
    hash.update(chunk);
    length += chunk.length;
  }
  stream.respond(200, ["trailer", "x-trailers"], false);
  await stream.write(new TextEncoder().encode(`${length} ${hash.digest("hex")}\n`));
  stream.end(["x-trailers", stream.trailers?.join("=") ?? "none"]);
}

async function run(program: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args, stdout: "piped", stderr: "piped" })
    .output();
  const text = new TextDecoder("latin1").decode(stdout);
  assert.ok(success, `${program}: ${new TextDecoder().decode(stderr)}${text}`);
  return text;
}

/** A file of 20 MB, and its SHA-256. */
async function bodyFile(folder: string): Promise<{ path: string; sum: string }> {
  const bytes = new Uint8Array(bodyBytes);
  for (let at = 0; at < bytes.length; at++) bytes[at] = at * 31 >>> 8;
  const path = join(folder, "body");
  await Deno.writeFile(path, bytes);
  return { path, sum: createHash("sha256").update(bytes).digest("hex") };
}

Deno.test({
  ...withTools("Http2ServerConnection serves curl: a page, 20 MB down and up", "curl"),
  async fn() {
    await using server = serve();
    const folder = await Deno.makeTempDir();
    try {
      const body = await bodyFile(folder);
      const curl = ["--silent", "--show-error", "--http2-prior-knowledge", "--max-time", "30"];
      assert.equal(
        await run("curl", [...curl, "-w", " %{http_version} %{http_code}", `${server.url}/hello`]),
        "hello 2 200",
      );
      assert.equal((await run("curl", [...curl, `${server.url}/big`])).length, bodyBytes);
      const up = await run("curl", [...curl, "--include", "--data-binary", `@${body.path}`, `${server.url}/up`]);
      assert.match(up, new RegExp(`^HTTP/2 200 [^]*\r\n\r\n${bodyBytes} ${body.sum}\nx-trailers: none\r\n`));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
    assert.deepEqual(server.errors, []);
  },
});

Deno.test({
  ...withTools(
    "Http2ServerConnection serves nghttp: 100 streams at once, padding, CONTINUATION, trailers, an upload",
    "nghttp",
  ),
  async fn() {
    await using server = serve();
    const folder = await Deno.makeTempDir();
    try {
      const body = await bodyFile(folder);
      const many = await run("nghttp", ["--stat", "--null-out", "-m", "100", `${server.url}/hello`]);
      // One line for each in the table of times.
      assert.equal(many.match(/ 200 +\d+ \/hello$/gm)?.length, 100, many);
      const args = ["--padding=200", "--continuation", "--trailer=x-sum: 1", "--no-dep", `--data=${body.path}`];
      const up = await run("nghttp", ["--verbose", ...args, `${server.url}/up`]);
      assert.match(up, new RegExp(`${bodyBytes} ${body.sum}`));
      assert.match(up, /x-trailers: x-sum=1/);
      // A small window makes every frame wait for credit.
      const narrow = await run("nghttp", ["--window-bits=10", "--connection-window-bits=12", `${server.url}/big`]);
      assert.equal(narrow.length, bodyBytes);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
    assert.deepEqual(server.errors, []);
  },
});

Deno.test({
  ...withTools("Http2ServerConnection serves h2load: 20 000 requests, 100 streams each on 4 connections", "h2load"),
  async fn() {
    await using server = serve();
    const text = await run("h2load", ["-n", "20000", "-c", "4", "-m", "100", `${server.url}/hello`]);
    assert.match(text, /20000 succeeded, 0 failed, 0 errored, 0 timeout/);
    const bulk = await run("h2load", ["-n", "16", "-c", "2", "-m", "8", `${server.url}/big`]);
    assert.match(bulk, /16 succeeded, 0 failed, 0 errored, 0 timeout/);
    assert.deepEqual(server.errors, []);
  },
});

Deno.test({
  ...withTools("Http2ClientConnection calls nghttpd: 20 MB down, an upload, 100 streams at once, trailers", "nghttpd"),
  async fn() {
    const folder = await Deno.makeTempDir();
    const body = await bodyFile(folder);
    await Deno.writeTextFile(join(folder, "small"), "hello");
    await using server = await startNghttpd(folder);
    try {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      const client = new Http2ClientConnection(new TcpTransport(connection));
      const running = client.run();
      const head = { method: "GET", scheme: "http", authority: `127.0.0.1:${server.port}`, path: "/body", fields: [] };
      const down = client.request(head, true);
      assert.equal((await down.response()).status, 200);
      const hash = createHash("sha256");
      for (let chunk = await down.read(); chunk !== null; chunk = await down.read()) hash.update(chunk);
      assert.equal(hash.digest("hex"), body.sum);
      assert.deepEqual(down.trailers, ["x-from", "nghttpd"]);

      const answers = Array.from({ length: 100 }, () => client.request({ ...head, path: "/small" }, true));
      for (const answer of answers) {
        assert.equal((await answer.response()).status, 200);
        assert.equal(String.fromCharCode(...(await answer.read())!), "hello");
        assert.equal(await answer.read(), null);
      }

      const up = client.request({ ...head, method: "POST", path: "/echo" }, false);
      const echoed = (async () => {
        let length = 0;
        for (let chunk = await up.read(); chunk !== null; chunk = await up.read()) length += chunk.length;
        return length;
      })();
      const chunk = new Uint8Array(100_000);
      for (let sent = 0; sent < bodyBytes; sent += chunk.length) await up.write(chunk);
      up.end(["x-sum", "1"]);
      assert.equal((await up.response()).status, 200);
      assert.equal(await echoed, bodyBytes);

      await client.ping();
      client.close();
      await running;
      assert.equal(client.fault, null);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

interface Nghttpd extends AsyncDisposable {
  port: number;
}

/** nghttpd on a port that was free a moment ago, serving `folder` in the clear and echoing uploads. */
async function startNghttpd(folder: string): Promise<Nghttpd> {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  const args = ["--no-tls", "--address=127.0.0.1", `--htdocs=${folder}`, "--echo-upload", "--trailer=x-from: nghttpd"];
  const child = new Deno.Command("nghttpd", { args: [...args, String(port)], stdout: "null", stderr: "null" }).spawn();
  for (let left = 100;; left--) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      break;
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.status;
    },
  };
}
