/**
 * Clients and backends of tests that speak HTTP/2.
 * @module
 */
import {
  errorCodeName,
  type FieldList,
  Http2ClientConnection,
  Http2ServerConnection,
  type Http2Stream,
  type ServerStream,
  StreamReset,
} from "@lib/http2/mod.ts";
import { ConnStream } from "../stream/conn_stream.ts";
import { RawConnection } from "./raw.ts";

/** What came of a request. */
export interface H2Answer {
  status: number;
  /** Interim responses before. */
  interim: number[];
  /** "name: value" lines, without date. */
  fields: string[];
  body: string;
  trailers: string[];
  /** The code that the stream was reset with; "" when it ended in good order. */
  reset: string;
}

export interface H2Request {
  method?: string;
  path?: string;
  scheme?: string;
  authority?: string;
  fields?: FieldList;
  /** Written piece by piece; none for a request without a body. */
  body?: readonly string[];
  trailers?: FieldList;
}

/** A TLS client that verifies `ca` and `hostname`, and agrees on h2. */
export class H2Client implements AsyncDisposable {
  readonly connection: Http2ClientConnection;
  readonly #done: Promise<void>;

  private constructor(readonly hostname: string, connection: Http2ClientConnection) {
    this.connection = connection;
    this.#done = connection.run();
  }

  static async connect(options: { port: number; hostname: string; ca: string }): Promise<H2Client> {
    const tcp = await Deno.connect({ hostname: "127.0.0.1", port: options.port });
    tcp.setNoDelay(true);
    const conn = await Deno.startTls(tcp, {
      hostname: options.hostname,
      caCerts: [options.ca],
      alpnProtocols: ["h2"],
    });
    try {
      const { alpnProtocol } = await conn.handshake();
      if (alpnProtocol !== "h2") throw new Error(`no h2: ${alpnProtocol}`);
    } catch (error) {
      conn.close();
      throw error;
    }
    return new H2Client(options.hostname, new Http2ClientConnection(new ConnStream(conn)));
  }

  /** Begins a request; its body is the caller's to write. */
  open(request: H2Request, end: boolean) {
    return this.connection.request({
      method: request.method ?? "GET",
      scheme: request.scheme ?? "https",
      authority: request.authority ?? this.hostname,
      path: request.path ?? "/",
      fields: request.fields ?? [],
    }, end);
  }

  /** A whole exchange. */
  async ask(request: H2Request): Promise<H2Answer> {
    const { body, trailers } = request;
    const stream = this.open(request, body === undefined && trailers === undefined);
    const interim: number[] = [];
    stream.onInterim = (status) => interim.push(status);
    const sending = (async () => {
      for (const piece of body ?? []) await stream.write(Uint8Array.from(piece, (one) => one.charCodeAt(0)));
      if (body !== undefined || trailers !== undefined) stream.end(trailers);
    })().catch(() => {});
    const answer: H2Answer = { status: 0, interim, fields: [], body: "", trailers: [], reset: "" };
    try {
      const { status, fields } = await stream.response();
      answer.status = status;
      answer.fields = lines(fields).filter((line) => !line.startsWith("date: "));
      answer.body = await bodyOf(stream);
      answer.trailers = lines(stream.trailers ?? []);
    } catch (error) {
      if (!(error instanceof StreamReset)) throw error;
      answer.reset = errorCodeName(error.code);
    }
    await sending;
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.connection.destroy();
    await this.#done;
  }
}

export function lines(list: FieldList): string[] {
  return list.flatMap((name, at) => at % 2 === 0 ? [`${name}: ${list[at + 1]}`] : []);
}

/** Reads a stream to its end; a character per byte. */
export async function bodyOf(stream: Http2Stream): Promise<string> {
  let text = "";
  for (;;) {
    const bytes = await stream.read();
    if (bytes === null) return text;
    for (const byte of bytes) text += String.fromCharCode(byte);
  }
}

export interface H2BackendOptions {
  maxConcurrentStreams?: number;
  /** Over TLS; else in the clear, with prior knowledge. */
  tls?: { cert: string; key: string };
  /** Called with each connection before anything is read from it. */
  accepted?(conn: Deno.Conn): Promise<void> | void;
  /** For a backend over TLS whose client agrees on HTTP/1.1. */
  serveH1?(connection: RawConnection): Promise<void>;
}

/** A backend that speaks HTTP/2. */
export class H2Backend implements AsyncDisposable {
  accepted = 0;
  readonly port: number;
  readonly connections = new Set<Http2ServerConnection>();
  readonly #listener: Deno.Listener;
  readonly #done: Promise<void>[] = [];

  constructor(serve: (stream: ServerStream) => Promise<void> | void, options: H2BackendOptions = {}) {
    const at = { hostname: "127.0.0.1", port: 0 };
    const { tls } = options;
    const alpnProtocols = options.serveH1 === undefined ? ["h2"] : ["http/1.1"];
    const listener = tls === undefined ? Deno.listen(at) : Deno.listenTls({ ...at, ...tls, alpnProtocols });
    this.#listener = listener;
    this.port = listener.addr.port;
    this.#done.push((async () => {
      for (;;) {
        let conn: Deno.Conn;
        try {
          conn = await listener.accept();
        } catch {
          return;
        }
        this.accepted++;
        this.#done.push(this.#serve(conn, serve, options).catch(() => {}));
      }
    })());
  }

  async #serve(
    conn: Deno.Conn,
    serve: (stream: ServerStream) => Promise<void> | void,
    options: H2BackendOptions,
  ): Promise<void> {
    try {
      await options.accepted?.(conn);
      if ("handshake" in conn) await (conn as Deno.TlsConn).handshake();
      if (options.serveH1 !== undefined) {
        using raw = new RawConnection(conn);
        return await options.serveH1(raw);
      }
    } catch {
      return conn.close();
    }
    const { maxConcurrentStreams } = options;
    const connection = new Http2ServerConnection(new ConnStream(conn), {
      limits: maxConcurrentStreams === undefined ? {} : { maxConcurrentStreams },
      extendedConnect: true,
      onRequest: (stream) => {
        void (async () => await serve(stream))().catch(() => {});
      },
    });
    this.connections.add(connection);
    await connection.run();
    this.connections.delete(connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#listener.close();
    } catch {
      // Closed by the test.
    }
    await this.#done[0];
    for (const connection of this.connections) connection.destroy();
    await Promise.all(this.#done);
  }

  /** Stops accepting; open connections go on. */
  stop(): void {
    this.#listener.close();
  }
}
