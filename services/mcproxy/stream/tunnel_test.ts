import assert from "node:assert/strict";
import { systemClock } from "@lib/clock/mod.ts";
import { ConnStream } from "./conn_stream.ts";
import { Deadlines } from "./deadlines.ts";
import { tunnel } from "./tunnel.ts";

/** A connection: the proxy's end, and the other. */
async function connection(): Promise<[ConnStream, Deno.TcpConn]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [accepted, peer] = await Promise.all([
    listener.accept(),
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
  ]);
  return [new ConnStream(accepted), peer];
}

/** All that comes until the end; the connection stays open. */
async function readAll(conn: Deno.TcpConn): Promise<string> {
  const decoder = new TextDecoder();
  const block = new Uint8Array(64 * 1024);
  let text = "";
  for (let count = await conn.read(block); count !== null; count = await conn.read(block)) {
    text += decoder.decode(block.subarray(0, count), { stream: true });
  }
  return text;
}

const bytes = (text: string) => new TextEncoder().encode(text);

/** Two connections that are joined. */
async function joined() {
  const [one, client] = await connection();
  const [other, backend] = await connection();
  one.unread(bytes("first "));
  const deadline = new Deadlines(systemClock).open(() => assert.fail("nothing was idle"));
  let moves = 0;
  const running = tunnel(one, other, { deadline, idleMs: 60_000, moved: () => moves++ })
    .finally(() => deadline.close());
  return { one, other, client, backend, running, moves: () => moves };
}

Deno.test("tunnel passes on what was read before, all that comes and each end, and counts it", async () => {
  const { one, other, client, backend, running, moves } = await joined();
  const large = "x".repeat(2_000_000);
  const sent = (async () => {
    for (let rest = bytes(large); rest.length > 0;) rest = rest.subarray(await client.write(rest));
    await client.closeWrite();
  })();
  assert.equal(await readAll(backend), `first ${large}`);
  await sent;
  // The client has ended, and the other direction goes on.
  await backend.write(bytes("answer"));
  await backend.closeWrite();
  assert.equal(await readAll(client), "answer");
  assert.equal(await running, true);
  assert.deepEqual([one.bytesRead, one.bytesWritten], [large.length, 6]);
  assert.deepEqual([other.bytesRead, other.bytesWritten], [6, 6 + large.length]);
  assert.ok(moves() > 2);
  one.finish();
  other.finish();
  client.close();
  backend.close();
});

Deno.test("tunnel ends both connections when one breaks", async () => {
  const { one, other, client, backend, running } = await joined();
  other.destroy();
  assert.equal(await running, false);
  assert.deepEqual([one.closed, other.closed], [true, true]);
  assert.equal(await client.read(new Uint8Array(1)).catch(() => null), null);
  client.close();
  backend.close();
});
