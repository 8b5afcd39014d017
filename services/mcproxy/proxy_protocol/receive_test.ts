import assert from "node:assert/strict";
import { systemClock } from "@lib/clock/mod.ts";
import { Deadlines } from "../stream/deadlines.ts";
import { readProxyHeader, receiveClient, type Received, type ReceiveLimits } from "./receive.ts";
import { TrustedSenders } from "./trusted_senders.ts";
import { writeProxyV2 } from "./write.ts";

const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const only = (address: string) => new TrustedSenders({ has: (each) => each === address });
const loopback = only("127.0.0.1");
const limits: ReceiveLimits = { headerMs: 5000 };

/** What `receiveClient` makes of a connection that `send` writes to; both ends are closed then. */
async function received(
  send: (client: Deno.TcpConn) => Promise<void> | void,
  options: { senders?: TrustedSenders | null; limits?: ReceiveLimits; listenOn?: string } = {},
): Promise<{ outcome: Received; clientPort: number; port: number }> {
  const deadlines = new Deadlines(systemClock);
  using listener = Deno.listen({ hostname: options.listenOn ?? "127.0.0.1", port: 0 });
  const accepting = listener.accept();
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  client.setNoDelay(true);
  const conn = await accepting;
  const sent = Promise.resolve(send(client)).catch(() => {});
  const senders = options.senders === undefined ? loopback : options.senders;
  try {
    const outcome = await receiveClient(conn, senders, options.limits ?? limits, deadlines);
    return { outcome, clientPort: client.localAddr.port, port: listener.addr.port };
  } finally {
    try {
      conn.close();
    } catch {
      // Closed by its deadline.
    }
    await sent;
  }
}

const connection = {
  source: { address: "192.0.2.1", port: 56324 },
  destination: { address: "198.51.100.2", port: 443 },
};
const v1 = latin1("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n");
const v2 = writeProxyV2(connection, { authority: "a.test" });
const behind = latin1("\x16\x03\x01behind");

Deno.test("receiveClient takes the client from a header, however it is cut, and keeps what is behind it", async () => {
  for (const header of [v1, v2]) {
    const bytes = new Uint8Array([...header, ...behind]);
    for (const size of [1, 7, bytes.length]) {
      const { outcome } = await received(async (client) => {
        for (let at = 0; at < bytes.length; at += size) await client.write(bytes.subarray(at, at + size));
      });
      assert.ok(outcome.kind === "client", JSON.stringify(outcome));
      assert.deepEqual([outcome.source, outcome.destination], [connection.source, connection.destination]);
      assert.ok(outcome.header !== null);
      // The rest of what was sent hasn't been read yet.
      assert.deepEqual(outcome.bytes, behind.slice(0, outcome.bytes.length));
      if (size === bytes.length) assert.deepEqual(outcome.bytes, behind);
    }
  }
});

Deno.test("receiveClient takes the real ends where the header names no address", async () => {
  for (const header of [latin1("PROXY UNKNOWN\r\n"), writeProxyV2(null)]) {
    const { outcome, clientPort, port } = await received(async (client) => void await client.write(header));
    assert.ok(outcome.kind === "client");
    assert.deepEqual(outcome.source, { address: "127.0.0.1", port: clientPort });
    assert.deepEqual(outcome.destination, { address: "127.0.0.1", port });
    assert.ok(outcome.header !== null);
  }
});

Deno.test("receiveClient never looks for a header from a stranger", async () => {
  for (const senders of [null, only("127.0.0.2")]) {
    // Nothing is sent, so reading would wait.
    const { outcome, clientPort } = await received(() => {}, { senders });
    assert.ok(outcome.kind === "client");
    assert.deepEqual(outcome.source, { address: "127.0.0.1", port: clientPort });
    assert.equal(outcome.header, null);
    assert.equal(outcome.bytes.length, 0);
  }
});

Deno.test("receiveClient knows an IPv4 client of a socket for both families by its IPv4 address", async () => {
  const { outcome, clientPort, port } = await received(() => {}, { senders: null, listenOn: "::ffff:127.0.0.1" });
  assert.ok(outcome.kind === "client");
  assert.deepEqual(outcome.source, { address: "127.0.0.1", port: clientPort });
  assert.deepEqual(outcome.destination, { address: "127.0.0.1", port });
});

Deno.test("receiveClient refuses a trusted sender without a sound header, and says why", async () => {
  const cases: [Uint8Array, string, RegExp][] = [
    [latin1("\x16\x03\x01\x02\x00"), "no_proxy_header", /^no PROXY header$/],
    [latin1("GET / HTTP/1.1\r\n"), "no_proxy_header", /^no PROXY header$/],
    [latin1("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n"), "malformed_proxy_header", /not of the form/],
    [latin1(`PROXY ${"x".repeat(200)}`), "malformed_proxy_header", /no CRLF within 107 octets/],
    [v2.slice().fill(9, 20, 21), "malformed_proxy_header", /wrong checksum/],
    // A length of 64 KiB is refused when it is read, not when so much has come.
    [new Uint8Array([...v2.subarray(0, 14), 255, 255]), "malformed_proxy_header", /65551 octets/],
  ];
  for (const [bytes, reason, detail] of cases) {
    const { outcome } = await received(async (client) => void await client.write(bytes));
    assert.ok(outcome.kind === "refused");
    assert.equal(outcome.reason, reason);
    assert.match(outcome.detail, detail);
  }
});

Deno.test("receiveClient refuses a header that ends early, comes too late, or never", async () => {
  const early = await received(async (client) => {
    await client.write(v2.subarray(0, 20));
    client.close();
  });
  assert.deepEqual(early.outcome, {
    kind: "refused",
    reason: "closed_early",
    detail: "closed after 20 octets of a PROXY header",
  });
  for (const part of [new Uint8Array(), v1.subarray(0, 10), v2.subarray(0, 30)]) {
    const { outcome } = await received(
      async (client) => void (part.length > 0 && await client.write(part)),
      { limits: { headerMs: 50 } },
    );
    assert.ok(outcome.kind === "refused");
    assert.equal(outcome.reason, "proxy_header_timeout");
  }
});

Deno.test("receiveClient takes a header up to its limit and none above it", async () => {
  // A NOOP fills the header up to `total`.
  const padded = (total: number) => {
    const bytes = new Uint8Array(total);
    bytes.set(writeProxyV2(connection, { checksum: false }));
    const view = new DataView(bytes.buffer);
    view.setUint16(14, total - 16);
    bytes[28] = 4;
    view.setUint16(29, total - 31);
    return bytes;
  };
  for (
    const [total, headerBytes, want] of [
      [4096, undefined, "client"],
      [4097, undefined, "refused"],
      [600, 600, "client"],
      [601, 600, "refused"],
      [8192, 8192, "client"],
    ] as const
  ) {
    const { outcome } = await received(async (client) => {
      const bytes = padded(total);
      for (let at = 0; at < bytes.length;) at += await client.write(bytes.subarray(at));
    }, { limits: { headerMs: 5000, ...(headerBytes === undefined ? {} : { headerBytes }) } });
    assert.equal(outcome.kind, want, `${total} of ${headerBytes}`);
  }
});

Deno.test("TrustedSenders knows an IPv4 sender on a socket for both families", () => {
  const senders = only("127.0.0.1");
  for (
    const [address, want] of [
      ["127.0.0.1", true],
      ["::ffff:127.0.0.1", true],
      ["::ffff:7f00:1", true],
      ["127.0.0.2", false],
      ["::1", false],
      ["", false],
      ["localhost", false],
    ] as const
  ) assert.equal(senders.has(address), want, address);
});

Deno.test("readProxyHeader bears that its connection was closed before its time is up", async () => {
  const read = Promise.withResolvers<null>();
  const closes: string[] = ["by a drain"];
  // Closed already, while the read that is under way hasn't heard of it.
  const conn = {
    read: () => read.promise,
    close() {
      closes.push("by the deadline");
      setTimeout(() => read.reject(new Deno.errors.Interrupted()), 0);
      throw new Deno.errors.BadResource("Bad resource ID");
    },
  } as unknown as Deno.Conn;
  const outcome = await readProxyHeader(conn, { headerMs: 1 }, new Deadlines(systemClock));
  assert.ok(outcome.kind === "refused" && outcome.reason === "proxy_header_timeout");
  assert.deepEqual(closes, ["by a drain", "by the deadline"]);
});
