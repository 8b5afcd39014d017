/**
 * The server's side of a connection.
 * @module
 */
import { Http2Connection } from "./connection.ts";
import { type EndpointOptions, protocolError } from "./endpoint.ts";
import { errorCodes, StreamError } from "./errors.ts";
import { flood } from "./flood_guard.ts";
import { clientPreface, settings } from "./frame.ts";
import type { DecodedBlock } from "./hpack/decoder.ts";
import { parseRequestFields, parseTrailers, type RequestHead } from "./message.ts";
import { ReceiveWindow } from "./receive_window.ts";
import { ServerSideStream, type ServerStream } from "./server_stream.ts";
import type { LiveStream } from "./stream.ts";
import type { Http2Transport } from "./transport.ts";

/** Stands for a request whose list was too large to be kept. */
const emptyHead: RequestHead = {
  method: "",
  scheme: "",
  authority: "",
  path: "",
  protocol: null,
  fields: [],
  contentLength: null,
};

export interface ServerOptions extends EndpointOptions {
  /**
   * A request has come, its body maybe not. Called while input is being handled: what is written at once leaves in
   * one write with the answers to the other requests of that input. An error it throws ends the connection.
   */
  onRequest(stream: ServerStream): void;
  /** Allow CONNECT with `:protocol` (RFC 8441); default false. */
  extendedConnect?: boolean;
}

/** One client's connection. */
export class Http2ServerConnection extends Http2Connection {
  readonly #options: ServerOptions;
  /** The highest stream the client has opened, or tried to. */
  #lastSeen = 0;
  /** The highest that was handled. */
  #lastHandled = 0;
  /** Octets of the preface that have come. */
  #prefaceAt = 0;

  constructor(transport: Http2Transport, options: ServerOptions) {
    super(transport, false, options);
    this.#options = options;
  }

  /** Finishes the open streams and refuses new ones, then closes. The client hears of it in time to send none in vain. */
  drain(): void {
    this.leave();
  }

  protected open(): void {
    const { limits } = this;
    const pairs: [number, number][] = [
      [settings.maxConcurrentStreams, limits.maxConcurrentStreams],
      [settings.initialWindowSize, limits.initialWindowBytes],
      [settings.maxHeaderListSize, limits.maxHeaderListBytes],
      [settings.noRfc7540Priorities, 1],
    ];
    if (limits.maxFrameBytes !== 16_384) pairs.push([settings.maxFrameSize, limits.maxFrameBytes]);
    if (this.#options.extendedConnect) pairs.push([settings.enableConnectProtocol, 1]);
    this.output.frames.settings(pairs);
    this.announceWindow();
  }

  // RFC 9113 §3.4: the client's 24 octets, which no other protocol begins with.
  protected preface(chunk: Uint8Array): Uint8Array | null {
    let at = 0;
    while (at < chunk.length && this.#prefaceAt < clientPreface.length) {
      if (chunk[at++] !== clientPreface[this.#prefaceAt++]) throw protocolError("not the preface of HTTP/2");
    }
    return this.#prefaceAt === clientPreface.length ? chunk.subarray(at) : null;
  }

  protected get lastPeerStream(): number {
    return this.#lastHandled;
  }

  // RFC 9113 §5.1.1: clients open the odd ones, upwards; we open none.
  protected isIdle(id: number): boolean {
    return (id & 1) === 0 || id > this.#lastSeen;
  }

  protected fieldsReceived(id: number, block: DecodedBlock, end: boolean): void {
    const stream = this.live.get(id);
    if (stream !== undefined) return this.#trailers(stream, block, end);
    if ((id & 1) === 0) throw protocolError("a client must open streams with odd ids");
    this.#lastSeen = id;
    // Above what GOAWAY has named: as if it had never come (RFC 9113 §6.8). What follows it is borne.
    if (this.leaving) {
      this.spend(flood.ignored);
      return this.closed.addReset(id, this.initialWindow);
    }
    if (this.live.size >= this.limits.maxConcurrentStreams) {
      return this.streamError(id, errorCodes.refusedStream); // RFC 9113 §5.1.2
    }
    this.#lastHandled = id;
    if (block.tooLarge) return this.#tooLarge(id, end);
    this.#request(id, block, end);
  }

  #request(id: number, { fields, neverIndexed }: DecodedBlock, end: boolean): void {
    const head = parseRequestFields(fields);
    if (head.protocol !== null && !this.#options.extendedConnect) {
      throw new StreamError(id, errorCodes.protocolError, ":protocol without SETTINGS_ENABLE_CONNECT_PROTOCOL");
    }
    if (end && (head.contentLength ?? 0) > 0) {
      throw new StreamError(id, errorCodes.protocolError, "the body is shorter than content-length says");
    }
    this.#options.onRequest(this.#opened(id, head, end, neverIndexed));
  }

  #opened(
    id: number,
    head: RequestHead,
    end: boolean,
    neverIndexed: ReadonlySet<string> | null = null,
  ): ServerSideStream {
    const stream = new ServerSideStream(id, this, this.peer.initialWindowSize, head, !end, neverIndexed);
    if (end) stream.remoteEnded = true;
    else {
      stream.receiveWindow = new ReceiveWindow(this.initialWindow);
      stream.expected = head.contentLength ?? -1;
    }
    this.live.set(id, stream);
    return stream;
  }

  /** The list isn't kept, so nobody else could answer: 431 (RFC 9113 §10.5.1, RFC 6585 §5). */
  #tooLarge(id: number, end: boolean): void {
    this.spend(flood.resets);
    this.#opened(id, emptyHead, end).respond(431, ["content-length", "0"], true);
  }

  #trailers(stream: LiveStream, { fields, tooLarge }: DecodedBlock, end: boolean): void {
    // RFC 9113 §8.1: a second field section is trailers, and ends the stream.
    if (!end) throw new StreamError(stream.id, errorCodes.protocolError, "trailers without END_STREAM");
    if (tooLarge) throw new StreamError(stream.id, errorCodes.enhanceYourCalm, "trailers are too large");
    stream.trailers = parseTrailers(fields);
    this.endWithFields(stream);
  }

  /**
   * The response is whole and the request isn't: the rest is of no use (RFC 9113 §8.1 says NO_ERROR). A body that came
   * whole but wasn't read goes the same way, in `forget`.
   */
  protected halfClosed(stream: LiveStream): void {
    this.sendReset(stream, errorCodes.noError);
    this.dropUnread(stream);
    stream.fail(errorCodes.noError);
  }

  protected override forget(stream: LiveStream): void {
    super.forget(stream);
    const cut = stream.unread > 0;
    this.dropUnread(stream);
    if (cut) stream.fail(errorCodes.noError);
  }

  protected resetReceived(stream: LiveStream, code: number): void {
    this.spend(flood.resets); // CVE-2023-44487
    this.abort(stream, code);
  }

  protected settingsReceived(): void {}

  protected goAwayReceived(_lastStreamId: number, code: number): void {
    // It names streams of ours, and there are none. The client may finish its own, and will close.
    if (code !== errorCodes.noError) this.fault ??= "peer";
  }

  protected pingReturned(payload: Uint8Array): void {
    if (!this.ownPingReturned(payload)) this.spend(flood.ignored);
  }
}
