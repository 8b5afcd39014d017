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

const latin1 = new TextDecoder("latin1");

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
    const { alpnProtocol } = await conn.handshake();
    if (alpnProtocol !== "h2") throw new Error(`no h2: ${alpnProtocol}`);
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

/** Reads a stream to its end. */
export async function bodyOf(stream: Http2Stream): Promise<string> {
  let text = "";
  for (;;) {
    const bytes = await stream.read();
    if (bytes === null) return text;
    text += latin1.decode(bytes);
  }
}

/** A backend that speaks HTTP/2 with prior knowledge, as `serve` says. */
export class H2Backend implements AsyncDisposable {
  accepted = 0;
  readonly port: number;
  readonly connections = new Set<Http2ServerConnection>();
  readonly #listener: Deno.TcpListener;
  readonly #done: Promise<void>[] = [];

  constructor(serve: (stream: ServerStream) => Promise<void> | void, settings: { maxConcurrentStreams?: number } = {}) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#listener = listener;
    this.port = listener.addr.port;
    this.#done.push((async () => {
      for await (const conn of listener) {
        conn.setNoDelay(true);
        this.accepted++;
        const connection = new Http2ServerConnection(new ConnStream(conn), {
          limits: settings,
          extendedConnect: true,
          onRequest: (stream) => {
            void (async () => await serve(stream))().catch(() => {});
          },
        });
        this.connections.add(connection);
        this.#done.push(connection.run().then(() => void this.connections.delete(connection)));
      }
    })());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#done[0];
    for (const connection of this.connections) connection.destroy();
    await Promise.all(this.#done);
  }
}
