/**
 * The far end of bulk transfers. Started as a program: `bulk_peer.ts SOURCE_PORT SINK_PORT`.
 * @module
 */

/** Per read and write: large, so that the ends don't hold the proxy up. */
const blockBytes = 1024 * 1024;

async function source(conn: Deno.TcpConn): Promise<void> {
  const block = new Uint8Array(blockBytes);
  // The ClientHello.
  await conn.read(block);
  for (;;) await conn.write(block);
}

async function sink(conn: Deno.TcpConn): Promise<void> {
  const block = new Uint8Array(blockBytes);
  while (await conn.read(block) !== null);
  await conn.write(new Uint8Array(1));
}

async function serve(port: number, handle: (conn: Deno.TcpConn) => Promise<void>): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port });
  for (;;) {
    const conn = await listener.accept();
    // Clients leave in the middle.
    handle(conn).catch(() => {}).finally(() => conn.close());
  }
}

if (import.meta.main) {
  const [sourcePort, sinkPort] = Deno.args.map(Number);
  await Promise.all([serve(sourcePort!, source), serve(sinkPort!, sink)]);
}
