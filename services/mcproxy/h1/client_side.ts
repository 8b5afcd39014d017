/**
 * The client's half of an exchange on an HTTP/1.1 connection.
 * @module
 */
import type { BodySink, BodySource } from "../relay/body.ts";
import type { ClientSide } from "../relay/client_side.ts";
import type { ResponseHead } from "../relay/message.ts";
import type { Page } from "../relay/pages.ts";
import { type ByteStream, latin1 } from "../stream/byte_stream.ts";
import { MessageSink } from "./body_sink.ts";
import { bodySource } from "./body_source.ts";
import { writePage } from "./pages.ts";
import type { Request } from "./request.ts";
import { outgoingCoding, responseHead } from "./response.ts";

export interface H1ClientOptions {
  stream: ByteStream;
  request: Request;
  /** The connection is to end after this exchange. */
  draining(): boolean;
  /** IMF-fixdate of now. */
  date(): string;
}

/** See the module. */
export class H1Client implements ClientSide {
  readonly needsWholeUpload = true;
  /** After the exchange: the connection can take another request. */
  keepsOpen = false;
  readonly request: Request;
  readonly #options: H1ClientOptions;

  constructor(options: H1ClientOptions) {
    this.#options = options;
    this.request = options.request;
  }

  get closed(): boolean {
    return this.#options.stream.closed;
  }

  /** RFC 9110 §15.2: never to an HTTP/1.0 client. */
  get takesInterim(): boolean {
    return this.request.minor === 1;
  }

  body(): BodySource {
    return bodySource(this.#options.stream, this.request.framing);
  }

  interim(head: ResponseHead): Promise<void> {
    const { stream, date } = this.#options;
    return stream.write(latin1(responseHead(head, this.request, true, date)));
  }

  respond(head: ResponseHead, uploaded: boolean): BodySink {
    const { stream, draining, date } = this.#options;
    const coding = outgoingCoding(head, this.request);
    const keepsOpen = this.request.keepAlive && !draining() && uploaded && coding !== "until_close";
    this.#keepsAfterwards = keepsOpen;
    return new MessageSink(stream, responseHead(head, this.request, keepsOpen, date), coding);
  }

  #keepsAfterwards = false;

  delivered(): void {
    this.keepsOpen = this.#keepsAfterwards;
  }

  async page(page: Page): Promise<void> {
    const { stream, draining, date } = this.#options;
    const close = page.closes || !this.request.keepAlive || draining() || this.request.framing.kind !== "none";
    await stream.write(writePage(page, { close, head: this.request.method === "HEAD", date: date() }));
    this.keepsOpen = !close;
  }

  async accept(head: ResponseHead): Promise<ByteStream> {
    const { stream, date } = this.#options;
    await stream.write(latin1(responseHead(head, this.request, true, date)));
    return stream;
  }

  cut(): void {
    this.#options.stream.destroy();
  }
}
