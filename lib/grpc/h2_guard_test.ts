import assert from "node:assert/strict";

/** A frame of RFC 9113 §4.1. */
function frame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Uint8Array {
  const bytes = new Uint8Array(9 + payload.length);
  new DataView(bytes.buffer).setUint32(0, payload.length << 8 | type);
  bytes[4] = flags;
  new DataView(bytes.buffer).setUint32(5, stream);
  bytes.set(payload, 9);
  return bytes;
}
const [headersType, settingsType, goawayType] = [1, 4, 7] as const;
const [ack, endStream, endHeaders] = [1, 1, 4] as const;

function join(parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

const preface = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
// HPACK: ":method: GET", ":scheme: http", ":path: /" from the static table, ":authority: a" as a literal.
const get = new Uint8Array([0x82, 0x86, 0x84, 0x41, 1, 0x61]);
const request = join([preface, frame(settingsType, 0, 0), frame(headersType, endStream | endHeaders, 1, get)]);
// What any client may say at the end.
const goodbye = join([frame(settingsType, ack, 0), frame(goawayType, 0, 0, new Uint8Array(8))]);

/** Makes one request and says goodbye. False when the server is gone. */
async function visit(port: number): Promise<boolean> {
  let connection: Deno.TcpConn;
  try {
    connection = await Deno.connect({ hostname: "127.0.0.1", port });
  } catch {
    return false;
  }
  connection.setNoDelay(true);
  const buffer = new Uint8Array(4096);
  try {
    await connection.write(request);
    let received = new Uint8Array();
    while (!ended(received)) {
      const count = await connection.read(buffer);
      if (count === null) return true;
      received = join([received, buffer.subarray(0, count)]) as Uint8Array<ArrayBuffer>;
    }
    await connection.write(goodbye);
    await connection.read(buffer);
  } catch {
    // Reset: the server has ended the connection, or itself.
  } finally {
    connection.close();
  }
  return true;
}

/** Whether a frame with END_STREAM has arrived. */
function ended(bytes: Uint8Array): boolean {
  for (let at = 0; at + 9 <= bytes.length;) {
    const head = new DataView(bytes.buffer, bytes.byteOffset + at, 9);
    if (head.getUint8(3) <= headersType && (head.getUint8(4) & endStream) !== 0) return true;
    at += 9 + (head.getUint32(0) >>> 8);
  }
  return false;
}

/** Lets up to `rounds` clients visit a server; tells how its process ended and how many were served. */
async function outcome(args: string[], rounds: number): Promise<{ visits: number; signal: Deno.Signal | null }> {
  // A crash may leave a core file behind.
  const folder = Deno.makeTempDirSync();
  const child = new Deno.Command(Deno.execPath(), {
    cwd: folder,
    args: ["run", "--quiet", "-A", "--config", new URL("../../deno.json", import.meta.url).pathname]
      .concat(new URL("testdata/h2_server.ts", import.meta.url).pathname, args),
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const port = Number((await reader.read()).value);
  let visits = 0;
  // A process with a damaged heap may hang instead of crashing.
  const hung = setTimeout(() => child.kill("SIGKILL"), 10_000);
  while (visits < rounds && await visit(port)) visits++;
  clearTimeout(hung);
  try {
    child.kill("SIGTERM");
  } catch {
    // It has ended by itself.
  }
  const { signal } = await child.status;
  await reader.cancel();
  Deno.removeSync(folder, { recursive: true });
  return { visits, signal };
}

Deno.test("without the http2 guard a client's GOAWAY crashes the process", async () => {
  const seen: string[] = [];
  // Freed memory is mostly still whole: some 500 goodbyes crash five processes of six.
  for (let attempt = 0; attempt < 5; attempt++) {
    const { visits, signal } = await outcome([], 1500);
    if (signal === "SIGSEGV" || signal === "SIGABRT") return;
    seen.push(`${visits} clients, ended by ${signal}`);
  }
  assert.fail(`No crash (${seen.join("; ")}): this Deno may not need the guard any more, see h2_guard.ts`);
});

Deno.test("requireHttp2Guard keeps the process alive", async () => {
  assert.deepEqual(await outcome(["guard"], 1500), { visits: 1500, signal: "SIGTERM" });
});
