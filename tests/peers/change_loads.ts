/**
 * Clients that ask again and again while a proxy changes, one kind for each protocol that it takes.
 * @module
 */
import { bodyOf, H2Client } from "../../services/mcproxy/testing/h2.ts";
import { answering, RawConnection, tlsClient } from "../../services/mcproxy/testing/raw.ts";
import type { McproxyProcess } from "./mcproxy_process.ts";

/** What a load has seen. */
export interface Seen {
  requests: number;
  connections: number;
  /** Why requests failed, in words. */
  readonly failures: string[];
  /** All that was answered with. */
  readonly bodies: Set<string>;
}

/** A backend that says its name. */
export interface Backend extends AsyncDisposable {
  readonly port: number;
}

export interface LoadKind {
  readonly name: string;
  readonly mode: "l7" | "l4";
  backend(proxy: McproxyProcess, says: string): Promise<Backend>;
  /** Asks until told to stop, on connections of up to `perConnection` requests each. */
  load(proxy: McproxyProcess, name: string, perConnection: number, stop: AbortSignal, seen: Seen): Promise<void>;
}

/** Streams that one HTTP/2 connection has open. */
const streams = 8;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Clients that ask without a pause keep what else this process does, its API calls too, waiting. */
const breath = () => pause(1);

/**
 * Between connections. The runtime's own TLS connections sleep 100 ms on one of its 32 blocking threads when they are
 * closed; above 320 a second, they queue up there before keys that are made and files that are read.
 */
const beforeNext = () => pause(25);

const http = (_proxy: McproxyProcess, says: string) => Promise.resolve(answering(says));
const failed = (asked: number, error: unknown) => `request ${asked + 1} of a connection: ${error}`;

/** A connection ends only after an answer that says so: everything else is a failure. */
const h1: LoadKind = {
  name: "HTTP/1.1",
  mode: "l7",
  backend: http,
  async load(proxy, name, perConnection, stop, seen) {
    const { port, authority: { root: ca } } = proxy;
    while (!stop.aborted) {
      let asked = 0;
      try {
        using client = await tlsClient({ port, hostname: name, ca });
        seen.connections++;
        while (asked < perConnection && !stop.aborted) {
          await client.send(`GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`);
          const answer = await client.message();
          asked++;
          seen.requests++;
          const body = answer.slice(answer.indexOf("\r\n\r\n") + 4);
          if (answer.startsWith("HTTP/1.1 200 ")) seen.bodies.add(body);
          else seen.failures.push(answer.slice(0, answer.indexOf("\r\n")));
          if (/^connection: close\r$/im.test(answer)) break;
          await breath();
        }
      } catch (error) {
        seen.failures.push(failed(asked, error));
      }
      await beforeNext();
    }
  },
};

/** As a good client (RFC 9113 §6.8, §8.7): no stream after GOAWAY, what was refused is asked again elsewhere. */
const h2: LoadKind = {
  name: "HTTP/2",
  mode: "l7",
  backend: http,
  async load(proxy, name, perConnection, stop, seen) {
    const { port, authority: { root: ca } } = proxy;
    while (!stop.aborted) {
      let asked = 0;
      try {
        await using client = await H2Client.connect({ port, hostname: name, ca });
        seen.connections++;
        const ask = async () => {
          while (client.connection.available > 0 && asked < perConnection && !stop.aborted) {
            const at = asked++;
            const stream = client.open({}, true);
            try {
              const { status } = await stream.response();
              const body = await bodyOf(stream);
              seen.requests++;
              if (status === 200) seen.bodies.add(body);
              else seen.failures.push(`${status} ${body}`);
              await breath();
            } catch (error) {
              if (!stream.refused) seen.failures.push(failed(at, error));
            }
          }
        };
        await Promise.all(Array.from({ length: streams }, ask));
      } catch (error) {
        seen.failures.push(failed(asked, error));
      }
      await beforeNext();
    }
  },
};

/** TLS to the backend itself: each line comes back, with the backend's name. */
const l4: LoadKind = {
  name: "passthrough",
  mode: "l4",
  async backend(proxy, says) {
    const pair = await proxy.authority.issue(["web.test"]);
    return new Echo(says, pair);
  },
  async load(proxy, name, perConnection, stop, seen) {
    const { port, authority: { root: ca } } = proxy;
    // Echoes that follow each other without a pause for as long as a drain takes are the test's own.
    const most = Math.min(perConnection, 100);
    while (!stop.aborted) {
      let asked = 0;
      try {
        using client = await tlsClient({ port, hostname: name, ca });
        seen.connections++;
        for (; asked < most && !stop.aborted; asked++) {
          await client.send(`${asked}\n`);
          const [number, says] = (await client.until("\n")).trim().split(" ");
          if (number === String(asked)) seen.bodies.add(says!);
          else seen.failures.push(`${number} instead of ${asked}`);
          seen.requests++;
          await breath();
        }
      } catch (error) {
        seen.failures.push(failed(asked, error));
      }
      await beforeNext();
    }
  },
};

export const loadKinds: readonly LoadKind[] = [h1, h2, l4];

/** A TLS server that gives each line back with `says` behind it. */
class Echo implements Backend {
  readonly port: number;
  readonly #listener: Deno.TlsListener;
  readonly #open = new Map<RawConnection, Promise<void>>();
  readonly #done: Promise<void>;

  constructor(readonly says: string, pair: { cert: string; key: string }) {
    this.#listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...pair, alpnProtocols: ["http/1.1"] });
    this.port = this.#listener.addr.port;
    this.#done = this.#accept();
  }

  async #accept(): Promise<void> {
    for (;;) {
      let connection: RawConnection;
      try {
        connection = new RawConnection(await this.#listener.accept());
      } catch {
        return;
      }
      const served = this.#serve(connection).catch(() => {}).finally(() => {
        connection.close();
        this.#open.delete(connection);
      });
      this.#open.set(connection, served);
    }
  }

  async #serve(connection: RawConnection): Promise<void> {
    for (;;) await connection.send(`${(await connection.until("\n")).trim()} ${this.says}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#done;
    const served = [...this.#open.values()];
    for (const connection of this.#open.keys()) connection.close();
    await Promise.all(served);
  }
}

export async function until(seen: Seen, requests: number): Promise<void> {
  for (const since = performance.now(); seen.requests < requests;) {
    if (performance.now() - since > 20_000) throw new Error(`stuck at ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Runs `work` while eight clients ask. */
export async function underLoad(
  kind: LoadKind,
  proxy: McproxyProcess,
  name: string,
  work: (seen: Seen) => Promise<void>,
): Promise<Seen> {
  const seen: Seen = { requests: 0, connections: 0, failures: [], bodies: new Set() };
  const stop = new AbortController();
  const clients = Array.from(
    { length: 8 },
    (_, i) => kind.load(proxy, name, i % 2 === 0 ? 1 : 1_000_000, stop.signal, seen),
  );
  try {
    // Under way before anything changes, and after.
    await until(seen, 200);
    await work(seen);
    await until(seen, seen.requests + 200);
  } finally {
    stop.abort();
    await Promise.all(clients);
  }
  return seen;
}
