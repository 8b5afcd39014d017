import assert from "node:assert/strict";
import type { Buffer } from "node:buffer";
import { once } from "node:events";
import { silentLogger } from "@lib/log/mod.ts";
import { CertificateFiles } from "./certificate_files.ts";
import { dialTls } from "./dial.ts";
import { listenTls } from "./listen.ts";
import type { SecureConnection } from "./secure_connection.ts";
import { throwawayCa, writeIssued } from "@lib/testing/mod.ts";

const ca = await throwawayCa();
const chunk = new Uint8Array(64 * 1024);
/** Far above what two kernels' socket buffers hold on loopback (some 6 MB), far below what is offered. */
const limitBytes = 24 * 1024 * 1024;

/** Both ends of one connection. */
async function withPair(test: (client: SecureConnection, server: SecureConnection) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const files = await writeIssued(folder, await ca.issue(["svc.test"]));
  const certificates = CertificateFiles.load({ ...files, log: silentLogger, pollMs: 0 });
  const accepted = Promise.withResolvers<SecureConnection>();
  const listener = listenTls({
    address: "127.0.0.1:0",
    certificates,
    alpn: [],
    log: silentLogger,
    onConnection: accepted.resolve,
  });
  const port = Number(listener.address.split(":")[1]);
  const client = await dialTls({ hostname: "127.0.0.1", port, serverName: "svc.test", ca: ca.root });
  try {
    await test(client, await accepted.promise);
  } finally {
    client.destroy();
    await listener.close();
    certificates.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** Writes for as long as there is room, and returns how many bytes found some; "no room" is no drain for 300 ms. */
async function fill(connection: SecureConnection): Promise<number> {
  let bytes = 0;
  while (bytes < 2 * limitBytes) {
    bytes += chunk.length;
    if (connection.write(chunk)) continue;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(resolve, 300, false);
    const drain = () => resolve(true);
    connection.once("drain", drain);
    const drained = await promise;
    clearTimeout(timer);
    connection.removeListener("drain", drain);
    if (!drained) break;
  }
  return bytes;
}

async function count(connection: SecureConnection): Promise<number> {
  let bytes = 0;
  connection.on("data", (data: Buffer) => bytes += data.length);
  await once(connection, "end");
  return bytes;
}

for (const [from, to] of [["server", "client"], ["client", "server"]] as const) {
  Deno.test(`SecureConnection of the ${from} stops when the ${to} doesn't read, and loses nothing when it does`, () =>
    withPair(async (client, server) => {
      const [writer, reader] = from === "client" ? [client, server] : [server, client];
      const written = await fill(writer);
      assert.ok(written < limitBytes, `${written} bytes were taken`);
      writer.end();
      assert.equal(await count(reader), written);
    }));
}

Deno.test("SecureConnection delivers what was written before the end to a reader that stops in between", () =>
  withPair(async (client, server) => {
    const total = 32 * 1024 * 1024;
    for (let sent = 0; sent < total; sent += chunk.length) server.write(chunk);
    server.end();
    let bytes = 0;
    client.on("data", (data: Buffer) => {
      const before = Math.floor(bytes / 4_000_000);
      bytes += data.length;
      if (Math.floor(bytes / 4_000_000) === before) return;
      client.pause();
      setImmediate(() => client.resume());
    });
    await once(client, "end");
    assert.equal(bytes, total);
  }));

Deno.test("SecureConnection.write reports a peer that is gone, at the latest when the kernel knows", () =>
  withPair(async (client, server) => {
    client.destroy();
    server.resume();
    await once(server, "end");
    const write = () => new Promise<Error | null | undefined>((resolve) => server.write(chunk, resolve));
    // The kernel learns of it by the answer to the first bytes.
    for (let error = await write(); !error; error = await write());
  }));

Deno.test("SecureConnection.destroySoon gets its last words through to a peer that is still sending", () =>
  withPair(async (client, server) => {
    const sending = fill(client);
    await sending;
    server.write("refused");
    server.destroySoon();
    const [data] = await once(client, "data");
    assert.equal(String(data), "refused");
  }));

Deno.test("SecureConnection that fails with nobody listening ends nothing but itself", () =>
  withPair(async (client, server) => {
    client.destroy(new Error("broken"));
    server.resume();
    await once(server, "end");
    assert.equal(client.destroyed, true);
  }));
