/**
 * The client's half of an exchange on an HTTP/2 stream.
 * @module
 */
import { errorCodes, type ServerStream } from "@lib/http2/mod.ts";
import type { BodySink, BodySource } from "../relay/body.ts";
import type { ClientSide } from "../relay/client_side.ts";
import type { RequestHead, ResponseHead } from "../relay/message.ts";
import { type Page, plainText } from "../relay/pages.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import { responseList } from "./field_lists.ts";
import { endedSink, StreamSink, StreamSource } from "./stream_body.ts";
import { StreamBytes } from "./stream_bytes.ts";

const encoder = new TextEncoder();

/** See the module. A response that ends before its request refuses the rest of that (lib/http2): nothing more is lost. */
export class H2Client implements ClientSide {
  readonly takesInterim = true;
  readonly needsWholeUpload = false;

  /** @param date IMF-fixdate of now */
  constructor(readonly stream: ServerStream, readonly request: RequestHead, readonly date: () => string) {}

  get closed(): boolean {
    return this.stream.closed;
  }

  body(): BodySource {
    return new StreamSource(this.stream);
  }

  interim(head: ResponseHead): void {
    this.stream.respond(head.status, responseList(head, this.date), false);
  }

  respond(head: ResponseHead): BodySink {
    const ends = head.length.kind === "none";
    this.stream.respond(head.status, responseList(head, this.date), ends, head.neverIndexed);
    return ends ? endedSink : new StreamSink(this.stream);
  }

  delivered(): void {}

  page(page: Page): Promise<void> {
    return sendPage(this.stream, page, this.request.method === "HEAD", this.date());
  }

  /** RFC 8441 §5: 200 where HTTP/1.1 says 101, and no proof of a key that nobody sent. */
  accept(head: ResponseHead): Promise<ByteStream> {
    const list = responseList(head, this.date);
    const fields = list.filter((_, at) => list[at & ~1] !== "sec-websocket-accept");
    this.stream.respond(200, fields, false);
    return Promise.resolve(new StreamBytes(this.stream));
  }

  cut(): void {
    this.stream.reset(errorCodes.internalError);
  }
}

/** An answer of the proxy's own; rejects when the client resets the stream before it has taken all. */
export async function sendPage(
  stream: ServerStream,
  { status, body, fields, type = plainText, cacheControl = "no-store" }: Page,
  isHead: boolean,
  date: string,
): Promise<void> {
  const bytes = encoder.encode(body);
  const list = [
    ...fields.flat(),
    ...["content-type", type, "content-length", String(bytes.length)],
    ...["cache-control", cacheControl, "date", date],
  ];
  stream.respond(status, list, isHead);
  if (!isHead) await stream.write(bytes, true);
}
