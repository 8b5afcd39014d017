import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { silentLogger } from "@lib/log/mod.ts";
import { CertificateFiles } from "./certificate_files.ts";
import { dialTls } from "./dial.ts";
import { listenTls, type ListenTlsOptions, type TlsListener } from "./listen.ts";
import type { SecureConnection } from "./secure_connection.ts";
import { throwawayCa, writeIssued } from "@lib/testing/mod.ts";

const ca = await throwawayCa();
const leaf = await ca.issue(["svc.test", "127.0.0.1"]);

interface Running {
  listener: TlsListener;
  port: number;
  folder: string;
  certificates: CertificateFiles;
  dial(): Promise<SecureConnection>;
}

/** A listener that echoes, unless told otherwise; everything is closed afterwards. */
async function withListener(test: (running: Running) => Promise<void>, options: Partial<ListenTlsOptions> = {}) {
  const folder = await Deno.makeTempDir();
  const files = await writeIssued(folder, leaf);
  const certificates = CertificateFiles.load({ ...files, log: silentLogger, pollMs: 0 });
  const listener = listenTls({
    address: "127.0.0.1:0",
    certificates,
    alpn: ["echo"],
    log: silentLogger,
    onConnection: (connection) => connection.pipe(connection),
    ...options,
  });
  const port = Number(listener.address.split(":")[1]);
  const dial = () => dialTls({ hostname: "127.0.0.1", port, serverName: "svc.test", ca: ca.root, alpn: ["echo"] });
  try {
    await test({ listener, port, folder, certificates, dial });
  } finally {
    await listener.close();
    certificates.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** Everything up to the other end's end. By events: an async iterator would destroy our side with it. */
function text(connection: SecureConnection): Promise<string> {
  const chunks: Buffer[] = [];
  connection.on("data", (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    connection.on("error", reject);
    connection.on("close", () => resolve(Buffer.concat(chunks).toString()));
    connection.on("end", () => resolve(Buffer.concat(chunks).toString()));
  });
}

/** What a raw client gets until the server closes. */
async function rawAnswer(port: number, bytes: Uint8Array): Promise<Uint8Array> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const got: number[] = [];
  const buffer = new Uint8Array(1024);
  try {
    await conn.write(bytes);
    for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
      got.push(...buffer.subarray(0, count));
    }
  } catch {
    // A reset is an answer too: none.
  }
  conn.close();
  return new Uint8Array(got);
}

async function sClient(port: number, ...args: string[]): Promise<string> {
  const command = new Deno.Command("openssl", {
    args: ["s_client", "-connect", `127.0.0.1:${port}`, "-servername", "svc.test", ...args],
    stdin: "null",
  });
  const { stdout, stderr } = await command.output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

function installed(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["version"], stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

Deno.test("listenTls hands out decrypted connections with address, protocol and name", async () => {
  const accepted = Promise.withResolvers<SecureConnection>();
  await withListener(async ({ dial }) => {
    const client = await dial();
    const server = await accepted.promise;
    assert.deepEqual(
      [server.encrypted, server.remoteAddress, server.alpnProtocol, server.serverName, client.alpnProtocol],
      [true, "127.0.0.1", "echo", "svc.test", "echo"],
    );
    assert.ok(server.remotePort > 0);
    client.end("hello");
    server.end(await text(server));
    assert.equal(await text(client), "hello");
  }, { onConnection: accepted.resolve });
});

Deno.test({
  name: "listenTls refuses TLS 1.2 with protocol_version and speaks TLS 1.3 with openssl",
  ignore: !installed("openssl"),
  fn: () =>
    withListener(async ({ port, folder }) => {
      await Deno.writeTextFile(`${folder}/ca.pem`, ca.root);
      assert.match(await sClient(port, "-tls1_2"), /alert protocol version.*alert number 70/);
      const good = await sClient(
        port,
        "-tls1_3",
        "-CAfile",
        `${folder}/ca.pem`,
        "-verify_return_error",
        "-alpn",
        "echo",
      );
      assert.match(good, /TLSv1\.3/);
      assert.match(good, /Verification: OK/);
      assert.match(good, /ALPN protocol: echo/);
    }),
});

Deno.test("listenTls closes on what is not TLS without an answer", () =>
  withListener(async ({ port, dial }) => {
    assert.equal((await rawAnswer(port, new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"))).length, 0);
    const client = await dial();
    client.end("still there");
    assert.equal(await text(client), "still there");
  }));

Deno.test("listenTls outlives clients that send anything or nothing", () =>
  withListener(async ({ listener, port, dial }) => {
    let seed = 7;
    const random = (below: number) => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % below;
    const clients = Array.from({ length: 100 }, async (_, round) => {
      const bytes = new Uint8Array(random(300)).map(() => random(256));
      if (round % 2 === 0) bytes.set([22, 3, 1, 0, Math.max(bytes.length - 5, 1), 1].slice(0, bytes.length));
      const conn = await Deno.connect({ hostname: "127.0.0.1", port });
      await conn.write(bytes).catch(() => {});
      conn.close();
    });
    await Promise.all(clients);
    const client = await dial();
    client.end("still there");
    assert.equal(await text(client), "still there");
    while (listener.connections > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }));

Deno.test("listenTls gives up a handshake that doesn't come within its time", () =>
  withListener(async ({ listener, port }) => {
    assert.equal((await rawAnswer(port, new Uint8Array([22, 3, 1]))).length, 0);
    assert.equal(listener.connections, 0);
  }, { handshakeTimeoutMs: 20 }));

Deno.test("listenTls closes connections above its maximum at once", () =>
  withListener(async ({ dial }) => {
    const first = await dial();
    await assert.rejects(dial(), /No TLS connection to 127\.0\.0\.1/);
    first.destroy();
    await once(first, "close");
  }, { maxConnections: 1 }));

Deno.test("listenTls serves a new certificate to new connections while the old ones go on", () =>
  withListener(async ({ certificates, folder, port, dial }) => {
    const before = await dial();
    await writeIssued(folder, await ca.issue(["new.test"]));
    assert.equal(certificates.reload(), true);
    await assert.rejects(dial(), /is not for "svc\.test": it has "new\.test"/);
    const after = await dialTls({ hostname: "127.0.0.1", port, serverName: "new.test", ca: ca.root, alpn: ["echo"] });
    for (const client of [before, after]) {
      client.end("hello");
      assert.equal(await text(client), "hello");
    }
  }));

Deno.test("listenTls serves 100 connections at once", () =>
  withListener(async ({ dial }) => {
    const answers = await Promise.all(Array.from({ length: 100 }, async (_, index) => {
      const client = await dial();
      client.end(`client ${index}`);
      return await text(client);
    }));
    assert.deepEqual(answers, answers.map((_, index) => `client ${index}`));
  }));

Deno.test("TlsListener.close waits for connections up to its time, then cuts them", async () => {
  const accepted = Promise.withResolvers<SecureConnection>();
  await withListener(async ({ listener, dial }) => {
    const client = await dial();
    const server = await accepted.promise;
    const closing = listener.close(60_000);
    await listener.stopped;
    await assert.rejects(dial(), { code: "unavailable" });
    server.end("last words");
    assert.equal(await text(client), "last words");
    client.end();
    await closing;
    assert.equal(listener.connections, 0);
  }, { onConnection: accepted.resolve });
  await withListener(async ({ listener, dial }) => {
    const client = await dial();
    await listener.close(10);
    assert.equal(await text(client), "");
    client.destroy();
  });
});

Deno.test("TlsListener.close serves those who were connecting, given time, and drops them at once without", async () => {
  await withListener(async ({ listener, dial, port }) => {
    const queued = Array.from({ length: 20 }, () => dial());
    // In the kernel's queue, not yet accepted.
    const silent = await Deno.connect({ hostname: "127.0.0.1", port });
    const closing = listener.close(60_000);
    const began = performance.now();
    for (const client of await Promise.all(queued)) {
      client.end("hello");
      assert.equal(await text(client), "hello");
    }
    await closing;
    assert.ok(performance.now() - began < 10_000, "a handshake that never ends doesn't hold the listener");
    silent.close();
  });
  await withListener(async ({ listener, port }) => {
    const silent = await Deno.connect({ hostname: "127.0.0.1", port });
    await listener.close();
    await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port }), Deno.errors.ConnectionRefused);
    silent.close();
  });
});

Deno.test("listenTls shares an address between two listeners that both say so", () =>
  withListener(async ({ listener }) => {
    await withListener(async ({ dial }) => {
      await listener.close();
      const client = await dial();
      client.end("second");
      assert.equal(await text(client), "second");
    }, { reusePort: true, address: listener.address });
  }, { reusePort: true }));

Deno.test("listenTls names an address that is taken", () =>
  withListener(async ({ listener }) => {
    await assert.rejects(
      withListener(() => Promise.resolve(), { address: listener.address }),
      (error: Error & { hint?: string }) => {
        assert.match(error.message, /^Cannot listen on 127\.0\.0\.1:\d+: the address is in use$/);
        assert.match(error.hint ?? "", /ss -ltnp/);
        return true;
      },
    );
  }));
