/**
 * Clients and backends of tests that speak in bytes.
 * @module
 */

const encoder = new TextEncoder();

/** One connection read and written as Latin-1 text. */
export class RawConnection implements Disposable {
  #held = "";
  #ended = false;
  #closed = false;
  constructor(readonly conn: Deno.Conn) {}

  async send(text: string): Promise<void> {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    for (let at = 0; at < bytes.length;) at += await this.conn.write(bytes.subarray(at));
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    const buffer = new Uint8Array(65536);
    const count = await this.conn.read(buffer);
    if (count === null) this.#ended = true;
    else for (const byte of buffer.subarray(0, count)) this.#held += String.fromCharCode(byte);
    return count !== null;
  }

  /** Everything up to and with `mark`. Throws when the peer ends before. */
  async until(mark: string): Promise<string> {
    for (;;) {
      const at = this.#held.indexOf(mark);
      if (at >= 0) {
        const text = this.#held.slice(0, at + mark.length);
        this.#held = this.#held.slice(at + mark.length);
        return text;
      }
      if (!await this.#more()) throw new Error(`ended before ${JSON.stringify(mark)}: ${JSON.stringify(this.#held)}`);
    }
  }

  /** Exactly `count` characters. */
  async take(count: number): Promise<string> {
    while (this.#held.length < count) if (!await this.#more()) throw new Error(`ended after ${this.#held.length}`);
    const text = this.#held.slice(0, count);
    this.#held = this.#held.slice(count);
    return text;
  }

  /** What has been read and not been asked for. */
  leftover(): string {
    const text = this.#held;
    this.#held = "";
    return text;
  }

  /** A head and, by its Content-Length, the body. */
  async message(): Promise<string> {
    const head = await this.until("\r\n\r\n");
    const length = /^content-length: (\d+)/im.exec(head)?.[1];
    return head + (length === undefined ? "" : await this.take(Number(length)));
  }

  /** The rest. A cut (TLS without close_notify, or a reset) shows as "<cut>" at the end. */
  async rest(): Promise<string> {
    try {
      while (await this.#more());
    } catch {
      this.#held += "<cut>";
    }
    const text = this.#held;
    this.#held = "";
    return text;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.conn.close();
    } catch {
      // Closed by an error before.
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** A TLS client that verifies `ca` and `hostname`; offers http/1.1 unless told. */
export async function tlsClient(
  options: { port: number; hostname: string; ca: string; alpn?: string[] },
): Promise<RawConnection> {
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port: options.port });
  tcp.setNoDelay(true);
  const conn = await Deno.startTls(tcp, {
    hostname: options.hostname,
    caCerts: [options.ca],
    alpnProtocols: options.alpn ?? ["http/1.1"],
  });
  try {
    await conn.handshake();
  } catch (error) {
    conn.close();
    throw error;
  }
  return new RawConnection(conn);
}

/** Sends `text`, and reads until the proxy closes. */
export async function exchange(options: { port: number; hostname: string; ca: string }, text: string): Promise<string> {
  using client = await tlsClient(options);
  await client.send(text);
  return await client.rest();
}

/** A TCP backend that serves each connection with `serve`. */
export class RawBackend implements AsyncDisposable {
  /** Connections accepted. */
  accepted = 0;
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  readonly #open = new Map<RawConnection, Promise<void>>();
  readonly #loop: Promise<void>;

  constructor(serve: (connection: RawConnection, index: number) => Promise<void>) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#listener = listener;
    this.port = listener.addr.port;
    this.#loop = (async () => {
      for (;;) {
        let conn: Deno.TcpConn;
        try {
          conn = await listener.accept();
        } catch {
          return;
        }
        conn.setNoDelay(true);
        const raw = new RawConnection(conn);
        const done = serve(raw, this.accepted++).catch(() => {}).finally(() => {
          raw.close();
          this.#open.delete(raw);
        });
        this.#open.set(raw, done);
      }
    })();
  }

  /** Stops accepting; open connections go on. */
  stop(): void {
    try {
      this.#listener.close();
    } catch {
      // Stopped before.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await this.#loop;
    const waiting = [...this.#open.values()];
    for (const raw of this.#open.keys()) raw.close();
    await Promise.all(waiting);
  }
}

/** A backend that answers every request with `body` and records heads. */
export function answering(body: string | ((head: string) => string), heads: string[] = []): RawBackend {
  return new RawBackend(async (connection) => {
    for (;;) {
      const message = await connection.message();
      heads.push(message);
      const text = typeof body === "string" ? body : body(message);
      await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${encoder.encode(text).length}\r\n\r\n${text}`);
    }
  });
}
