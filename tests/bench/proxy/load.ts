/**
 * Load by h2load (requests on connections that stay), ApacheBench (a connection per request) and a bulk client of ours.
 * @module
 */
import { clientHello, run } from "@lib/testing/mod.ts";

/** What h2load says after its run. */
interface RequestLoad {
  protocol: "h1" | "h2";
  port: number;
  hostname: string;
  seconds: number;
}

/** Connections of the load, and for HTTP/2 the streams on each: as many requests are under way either way. */
const connections = { h1: 32, h2: 8 } as const;
const streams = { h1: 1, h2: 8 } as const;

/** @returns requests answered. Throws when one failed, or the server chose another protocol */
export async function requests({ protocol, port, hostname, seconds }: RequestLoad): Promise<number> {
  const { code, stdout, stderr } = await run("h2load", [
    ...["-t", "1", "-c", String(connections[protocol]), "-m", String(streams[protocol]), "-D", `${seconds * 1000}ms`],
    ...(protocol === "h1" ? ["--h1"] : []),
    ...["--connect-to", `127.0.0.1:${port}`, "-H", "user-agent: Mozilla/5.0 (X11; Linux x86_64)", "-H", "accept: */*"],
    `https://${hostname}/index.html?q=1`,
  ]);
  const number = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1] ?? NaN);
  const done = number(/requests: \d+ total, \d+ started, (\d+) done/);
  const good = number(/status codes: (\d+) 2xx/);
  const agreed = /Application protocol: (\S+)/.exec(stdout)?.[1];
  const failed = code !== 0 || !(done > 0) || good < done || agreed !== (protocol === "h1" ? "http/1.1" : "h2");
  if (failed) throw new Error(`h2load failed:\n${stdout.slice(-2000)}${stderr.slice(-1000)}`);
  return good;
}

/** Connections that a client has open at once, one request each. */
const clientsAtOnce = 8;

/**
 * A full TLS 1.3 handshake, a request and its answer, per connection: `count` times.
 * Throws when any failed.
 */
export async function handshakes({ port, count }: { port: number; count: number }): Promise<number> {
  const { code, stdout, stderr } = await run("ab", [
    ...["-q", "-n", String(count), "-c", String(clientsAtOnce), "-f", "TLS1.3"],
    `https://localhost:${port}/`,
  ]);
  const number = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1] ?? NaN);
  const good = code === 0 && number(/Complete requests:\s+(\d+)/) === count &&
    number(/Failed requests:\s+(\d+)/) === 0 &&
    !/Non-2xx/.test(stdout);
  if (!good) throw new Error(`ab failed:\n${stdout.slice(-2000)}${stderr.slice(-1000)}`);
  return count;
}

/** Per read and write. */
const blockBytes = 1024 * 1024;

/** Moves bytes through an L4 route after a ClientHello for its name. @returns bytes moved */
export async function bulk(
  { port, hostname, direction, bytes }: {
    port: number;
    hostname: string;
    direction: "down" | "up";
    bytes: number;
  },
): Promise<number> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const block = new Uint8Array(blockBytes);
  await conn.write(await clientHello(hostname));
  let moved = 0;
  if (direction === "down") {
    while (moved < bytes) {
      const count = await conn.read(block);
      if (count === null) throw new Error(`the download ended after ${moved} bytes`);
      moved += count;
    }
    return moved;
  }
  while (moved < bytes) moved += await conn.write(block);
  await conn.closeWrite();
  if (await conn.read(block) !== 1) throw new Error("the upload was not acknowledged");
  return moved;
}
