/**
 * A client that speaks gRPC by lib/http2 alone, for what a grpc-js client can't say or doesn't show.
 * @module
 */
import { type FieldList, Http2ClientConnection } from "@lib/http2/mod.ts";
import { ConnTransport, DuplexStream } from "@lib/tls/mod.ts";

/** What is asked; all has a default that makes a good call with an empty message. */
export interface RawRequest {
  method?: string;
  path: string;
  /** In place of content-type and te. */
  fields?: FieldList;
  /** More fields. */
  more?: FieldList;
  /** DATA, a write each. */
  body?: readonly Uint8Array[];
  /** Leave the request open behind the body. */
  open?: boolean;
}

/** What came of it. */
export interface RawAnswer {
  status: number;
  head: Map<string, string>;
  /** The head and nothing else. */
  trailersOnly: boolean;
  /** Octets of DATA. */
  octets: number;
  trailers: Map<string, string>;
}

const grpcFields: FieldList = ["content-type", "application/grpc", "te", "trailers"];

/** A message with its prefix. */
export function framed(message: Uint8Array = new Uint8Array(0), flag = 0, length = message.length): Uint8Array {
  const bytes = new Uint8Array(5 + message.length);
  bytes[0] = flag;
  new DataView(bytes.buffer).setUint32(1, length);
  bytes.set(message, 5);
  return bytes;
}

/** One connection. */
export class RawClient implements AsyncDisposable {
  private constructor(readonly connection: Http2ClientConnection, readonly over: Promise<void>) {}

  /** @param initialWindowBytes what the server may send on a stream that isn't read */
  static async connect(address: string, initialWindowBytes = 65_535): Promise<RawClient> {
    const port = Number(address.split(":")[1]);
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay(true);
    const transport = new DuplexStream(new ConnTransport(conn, { address: "127.0.0.1", port }));
    const connection = new Http2ClientConnection(transport, { limits: { initialWindowBytes } });
    return new RawClient(connection, connection.run());
  }

  /** Opens a stream and sends what is said. */
  start({ method = "POST", path, fields = grpcFields, more = [], body = [framed()], open = false }: RawRequest) {
    const head = { method, scheme: "http", authority: "localhost", path, fields: [...fields, ...more] };
    const stream = this.connection.request(head, body.length === 0 && !open);
    const send = async () => {
      for (const [at, bytes] of body.entries()) await stream.write(bytes, !open && at === body.length - 1);
    };
    // The server may have answered, and want no more.
    send().catch(() => {});
    return stream;
  }

  /** A whole call. */
  async call(request: RawRequest): Promise<RawAnswer> {
    const stream = this.start(request);
    const response = await stream.response();
    let octets = 0;
    for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) octets += chunk.length;
    const head = mapOf(response.fields);
    return {
      status: response.status,
      head,
      trailersOnly: response.end,
      octets,
      trailers: response.end ? head : mapOf(stream.trailers ?? []),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.connection.destroy();
    await this.over;
  }
}

function mapOf(fields: FieldList): Map<string, string> {
  const map = new Map<string, string>();
  for (let at = 0; at < fields.length; at += 2) map.set(fields[at]!, fields[at + 1]!);
  return map;
}
