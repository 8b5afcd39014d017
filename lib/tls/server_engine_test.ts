import assert from "node:assert/strict";
import { createSecureContext } from "node:tls";
import { type Issued, throwawayCa } from "@lib/testing/mod.ts";
import { requireEngine, ServerEngine } from "./server_engine.ts";

const ca = await throwawayCa();
const { cert, key } = await ca.issue(["svc.test"]);
const context = createSecureContext({ cert, key, minVersion: "TLSv1.3" });

/** A TCP connection with a TLS client of the runtime at its other end. */
async function pair(alpn = ["h2", "http/1.1"]): Promise<{ conn: Deno.TcpConn; client: Promise<Deno.TlsConn> }> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [conn, tcp] = await Promise.all([
    listener.accept(),
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
  ]);
  const client = Deno.startTls(tcp, { hostname: "svc.test", caCerts: [ca.root], alpnProtocols: alpn }).then(
    async (tls) => {
      try {
        await tls.handshake();
        return tls;
      } catch (error) {
        tls.close();
        throw error;
      }
    },
  );
  return { conn, client };
}

async function send(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** Feeds what comes until `done`. */
async function drive(conn: Deno.TcpConn, engine: ServerEngine, done: () => boolean): Promise<void> {
  const buffer = new Uint8Array(1000);
  while (!done()) {
    const count = await conn.read(buffer);
    assert.ok(count !== null);
    engine.feed(buffer.subarray(0, count));
    await send(conn, engine.output());
  }
}

Deno.test("requireEngine finds the engine in this runtime", () => requireEngine());

Deno.test("ServerEngine shakes hands, agrees on a protocol, and carries bytes of every size both ways", async () => {
  const { conn, client } = await pair();
  const engine = new ServerEngine(context, ["http/1.1"]);
  await drive(conn, engine, () => engine.established);
  assert.equal(engine.alpnProtocol, "http/1.1");
  const tls = await client;
  for (const size of [0, 1, 16 * 1024, 48 * 1024, 48 * 1024 + 1, 300_000]) {
    const bytes = new Uint8Array(size).map((_, index) => index % 251);
    const got = new Uint8Array(size);
    const taken = (async () => {
      for (let at = 0; at < size;) at += await tls.read(got.subarray(at)) ?? assert.fail("ended");
    })();
    for (const record of engine.seal(bytes)) await send(conn, record);
    await taken;
    assert.ok(got.every((byte, index) => byte === bytes[index]), `${size} bytes out`);

    const written = (async () => {
      for (let at = 0; at < size;) at += await tls.write(bytes.subarray(at));
    })();
    let received = 0;
    await drive(conn, engine, () => {
      for (const chunk of engine.received) {
        assert.ok(chunk.every((byte, index) => byte === (received + index) % 251), `${size} bytes in`);
        received += chunk.length;
      }
      engine.received.length = 0;
      return received === size;
    });
    await written;
  }
  await send(conn, engine.end());
  assert.equal(await tls.read(new Uint8Array(1)), null);
  tls.close();
  engine.close();
  conn.close();
});

Deno.test("ServerEngine notes the peer's closing alert, after what came before it", async () => {
  const { conn, client } = await pair();
  const engine = new ServerEngine(context, ["http/1.1"]);
  await drive(conn, engine, () => engine.established);
  const tls = await client;
  await tls.write(new TextEncoder().encode("last"));
  await tls.closeWrite();
  await drive(conn, engine, () => engine.ended);
  assert.deepEqual(engine.received.map((chunk) => new TextDecoder().decode(chunk)), ["last"]);
  assert.equal(engine.error, null);
  tls.close();
  engine.close();
  conn.close();
});

Deno.test("ServerEngine reports what is no TLS, or not agreed to, with the alert that says so", async () => {
  const rows: [alpn: string[], spoil: (hello: Uint8Array) => Uint8Array, alert: number][] = [
    // RFC 8446 §6.2: 50 decode_error, 10 unexpected_message. That there is no protocol in common is said encrypted.
    [["http/1.1"], (hello) => Uint8Array.of(...hello.subarray(0, 9), 3, 3, ...new Uint8Array(hello.length - 11)), 50],
    [["other"], (hello) => hello, 0],
    [["http/1.1"], () => Uint8Array.of(23, 3, 3, 0, 1, 0), 10],
  ];
  for (const [alpn, spoil, alert] of rows) {
    const { conn, client } = await pair(alpn);
    const buffer = new Uint8Array(4096);
    const hello = buffer.subarray(0, await conn.read(buffer) ?? 0);
    const engine = new ServerEngine(context, ["http/1.1"]);
    engine.feed(spoil(hello));
    assert.ok(engine.error !== null);
    const output = engine.output();
    if (alert === 0) await send(conn, output);
    else assert.deepEqual([...output], [21, 3, 3, 0, 2, 2, alert]);
    engine.close();
    conn.close();
    await assert.rejects(client);
  }
});

Deno.test("ServerEngine asks for a client's certificate, and takes none for an answer unless it is required", async () => {
  const own = await ca.issue(["client.test"]);
  const foreign = await (await throwawayCa()).issue(["client.test"]);
  const rows: [shown: Issued | null, isRequired: boolean, fault: string | null, chain: number, verdict: string][] = [
    [null, true, "none", 0, ""],
    [null, false, null, 0, ""],
    [own, true, null, 1, ""],
    // That it leads to nobody known is noted, and no more: the handshake is done all the same.
    [foreign, true, null, 1, "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
    [foreign, false, null, 1, "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
  ];
  const local = await ca.issue(["127.0.0.1"]);
  const context = createSecureContext({ ...local, minVersion: "TLSv1.3" });
  for (const [shown, isRequired, fault, chain, verdict] of rows) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const client = (async () => {
      const { port } = listener.addr;
      const tls = await Deno.connectTls({ hostname: "127.0.0.1", port, caCerts: [ca.root], ...shown ?? {} });
      await tls.handshake();
      // The server's word on the certificate comes after the client's handshake.
      await tls.read(new Uint8Array(1)).catch(() => {});
      tls.close();
    })();
    const conn = await listener.accept();
    const engine = new ServerEngine(context, ["http/1.1"], { ca: ca.root, isRequired });
    await drive(conn, engine, () => engine.established || engine.error !== null);
    assert.equal(engine.clientFault, fault);
    assert.equal(engine.established, fault === null);
    assert.equal(engine.isResumed, false);
    assert.equal(engine.clientChain?.certificates.length ?? 0, chain);
    assert.equal(engine.clientChain?.verdict ?? "", verdict);
    engine.close();
    assert.equal(engine.clientChain, null);
    conn.close();
    await client;
  }
});

Deno.test("ServerEngine that is closed does nothing more", async () => {
  const { conn, client } = await pair();
  const engine = new ServerEngine(context, ["http/1.1"]);
  await drive(conn, engine, () => engine.established);
  engine.close();
  engine.close();
  engine.feed(new Uint8Array(10));
  assert.deepEqual(engine.seal(new Uint8Array(10)), []);
  assert.equal(engine.output().length + engine.end().length, 0);
  conn.close();
  (await client).close();
});
