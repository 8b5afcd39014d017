import assert from "node:assert/strict";
import { systemClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { Deadlines } from "../stream/deadlines.ts";
import { type ByteStream, latin1 } from "../stream/byte_stream.ts";
import type { Upstreams } from "../upstream/upstreams.ts";
import { Session } from "./session.ts";

/** A client whose bytes come when a test says so, and that takes nothing: what is written to it stays under way. */
class StuffedClient implements ByteStream {
  onEnded: (() => void) | null = null;
  closed = false;
  bytesRead = 0;
  bytesWritten = 0;
  /** Told of everything that is written, and of the end. */
  readonly wrote = Promise.withResolvers<void>();
  readonly #gone = Promise.withResolvers<void>();
  #reader: PromiseWithResolvers<Uint8Array | null> | null = null;
  #unread: Uint8Array | null = null;

  read(): Promise<Uint8Array | null> | Uint8Array | null {
    const unread = this.#unread;
    this.#unread = null;
    if (unread !== null) return unread;
    if (this.closed) return Promise.reject(new Error("closed"));
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  unread(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#unread = bytes;
  }

  send(text: string): void {
    this.#reader!.resolve(latin1(text));
  }

  write(): Promise<void> {
    this.wrote.resolve();
    return this.#gone.promise;
  }

  endWrite(): Promise<void> {
    return this.write().catch(() => {});
  }

  destroy(): void {
    if (this.closed) return;
    this.closed = true;
    this.#reader?.reject(new Error("closed"));
    this.#gone.promise.catch(() => {});
    this.#gone.reject(new Error("closed"));
  }
}

const request = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

Deno.test("Session serves nothing that comes when it has said that it closes", async () => {
  // The rest of a head that took too long, and a request on a connection that was idle for too long.
  for (const [first, rest] of [[request.slice(0, 10), request.slice(10)], ["", request]] as const) {
    const client = new StuffedClient();
    let served = 0;
    const end = { address: "127.0.0.1", port: 1 };
    const session = new Session({
      client,
      peer: { source: end, destination: end },
      hostname: "a.test",
      clients: { refusal: () => null, field: () => "" },
      gate: null,
      refusal: () => null,
      route: () => {
        served++;
        return null;
      },
      upstreams: {} as Upstreams,
      deadlines: new Deadlines(systemClock),
      limits: {
        head: { maxBytes: 1000, maxFields: 10 },
        ...{ headMs: 1, keepAliveMs: 1, bodyMs: 1000, responseMs: 1000, streamIdleMs: 1000, tunnelIdleMs: 1000 },
      },
      observer: null,
      date: () => "",
      moved() {},
      log: silentLogger,
    });
    const running = session.run();
    if (first !== "") client.send(first);
    await client.wrote.promise;
    client.send(rest);
    await new Promise((resolve) => setTimeout(resolve, 10));
    client.destroy();
    await running;
    assert.equal(served, 0, rest);
  }
});
