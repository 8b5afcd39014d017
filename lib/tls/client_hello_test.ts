import assert from "node:assert/strict";
import type { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { connect, type ConnectionOptions } from "node:tls";
import { alertRecord, type HelloResult, parseClientHello } from "./client_hello.ts";

/** The first flight of a real client. */
function helloOf(options: ConnectionOptions): Promise<Uint8Array> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read() {},
      write(chunk: Buffer) {
        resolve(new Uint8Array(chunk));
        wire.destroy();
      },
    });
    wire.on("error", () => {});
    const socket = connect({ socket: wire as unknown as NonNullable<ConnectionOptions["socket"]>, ca: "", ...options });
    socket.on("error", () => {});
  });
}

const bytes = (...values: number[]) => new Uint8Array(values);

/** A handshake message cut into records of `size` bytes. */
function records(message: Uint8Array, size: number): Uint8Array {
  const out: number[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    out.push(22, 3, 1, part.length >> 8, part.length & 255, ...part);
  }
  return new Uint8Array(out);
}

Deno.test("parseClientHello reads name, protocols and version of a real client", async () => {
  const sent = await helloOf({ servername: "A.Test", ALPNProtocols: ["h2", "http/1.1"] });
  assert.deepEqual(parseClientHello(sent), {
    kind: "hello",
    hello: { serverName: "a.test", alpn: ["h2", "http/1.1"], offersTls13: true },
  });
});

Deno.test("parseClientHello sees that TLS 1.3 is not offered", async () => {
  const sent = await helloOf({ servername: "a.test", maxVersion: "TLSv1.2" });
  const result = parseClientHello(sent);
  assert.equal(result.kind === "hello" && result.hello.offersTls13, false);
});

Deno.test("parseClientHello asks for more at every cut, and reads a hello in several records", async () => {
  const sent = await helloOf({ servername: "a.test" });
  for (let length = 0; length < sent.length; length++) {
    assert.equal(parseClientHello(sent.subarray(0, length)).kind, "incomplete", `${length} bytes`);
  }
  const message = sent.subarray(5);
  for (const size of [4, 100]) {
    assert.equal(parseClientHello(records(message, size)).kind, "hello", `records of ${size}`);
  }
});

Deno.test("parseClientHello refuses what is no ClientHello, and says how", () => {
  const refused = (reason: string, alert: number | null): HelloResult => ({ kind: "refused", reason, alert });
  const rows: [string, Uint8Array, HelloResult][] = [
    ["HTTP", new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"), refused("not TLS", null)],
    ["an SSL 2 hello", bytes(0x80, 0x2e, 1, 0, 2), refused("not TLS", null)],
    ["an alert first", bytes(21, 3, 3, 0, 2, 2, 40), refused("not TLS", null)],
    ["major version 2", bytes(22, 2, 0, 0, 1), refused("not a TLS record", null)],
    ["an empty record", bytes(22, 3, 1, 0, 0), refused("record of 0 bytes", 22)],
    ["a record over 2^14", bytes(22, 3, 1, 0x40, 1), refused("record of 16385 bytes", 22)],
    ["a ServerHello", bytes(22, 3, 1, 0, 4, 2, 0, 0, 0), refused("not a ClientHello", 10)],
    ["a hello of 16 MB", bytes(22, 3, 1, 0, 4, 1, 255, 255, 255), refused("ClientHello of 16777219 bytes", 50)],
    ["an empty hello", bytes(22, 3, 1, 0, 4, 1, 0, 0, 0), refused("malformed ClientHello", 50)],
    ["data inside the handshake", bytes(22, 3, 1, 0, 1, 1, 23, 3, 3, 0, 1, 0), refused("not a handshake record", 10)],
  ];
  for (const [what, input, expected] of rows) assert.deepEqual(parseClientHello(input), expected, what);
});

Deno.test("parseClientHello refuses a hello in more than 64 records", async () => {
  const message = (await helloOf({ servername: "a.test" })).subarray(5);
  assert.deepEqual(parseClientHello(records(message, 1)), {
    kind: "refused",
    reason: "ClientHello in too many records",
    alert: 50,
  });
});

Deno.test("parseClientHello answers any mutation of a hello without throwing", async () => {
  const sent = await helloOf({ servername: "a.test", ALPNProtocols: ["h2"] });
  let seed = 1;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };
  const seen = new Set<string>();
  for (let round = 0; round < 20_000; round++) {
    const copy = sent.slice(0, random(8) === 0 ? random(sent.length) : sent.length);
    for (let hits = 1 + random(4); hits > 0; hits--) copy[random(copy.length || 1)] = random(256);
    seen.add(parseClientHello(copy).kind);
  }
  assert.deepEqual([...seen].sort(), ["hello", "incomplete", "refused"]);
});

Deno.test("alertRecord is a fatal alert on the wire", () => {
  assert.deepEqual(alertRecord(70), bytes(21, 3, 3, 0, 2, 2, 70));
});
