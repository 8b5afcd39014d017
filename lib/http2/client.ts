/**
 * The client's side of a connection.
 * @module
 */
import { ClientSideStream, type ClientStream } from "./client_stream.ts";
import { Http2Connection } from "./connection.ts";
import { type EndpointOptions, protocolError } from "./endpoint.ts";
import { errorCodes, StreamError } from "./errors.ts";
import { flood } from "./flood_guard.ts";
import { maxUint31, settings } from "./frame.ts";
import type { DecodedBlock, FieldList } from "./hpack/decoder.ts";
import { parseResponseFields, parseTrailers } from "./message.ts";
import { ReceiveWindow } from "./receive_window.ts";
import { handled, type LiveStream, rejected, StreamReset } from "./stream.ts";
import type { Http2Transport } from "./transport.ts";

/** Streams at once until the server's SETTINGS say how many; RFC 9113 §6.5.2 asks servers for no fewer. */
const streamsBeforeSettings = 100;
/** PINGs of ours that may be on their way. */
const maxPings = 16;

export interface RequestToSend {
  method: string;
  /** Not sent, like `path`, for a CONNECT without `protocol`. */
  scheme: string;
  authority: string;
  path: string;
  /** RFC 8441; only while `extendedConnect`. */
  protocol?: string | null;
  /** Names lower case; no pseudo fields, no connection-specific ones (RFC 9113 §8.2.2). */
  fields: FieldList;
  neverIndexed?: ReadonlySet<string> | null;
}

/** A connection to one server. */
export class Http2ClientConnection extends Http2Connection {
  /** Called when `available` may have grown, and once when it is 0 for good. */
  onAvailable: (() => void) | null = null;
  #next = 1;
  #closing = false;
  #refusing = false;
  #settled = false;
  #lastPeerStream = maxUint31;
  readonly #pings: { id: number; returned: PromiseWithResolvers<void> }[] = [];
  #pingId = 0;

  constructor(transport: Http2Transport, options: EndpointOptions = {}) {
    super(transport, true, options);
  }

  /** Streams that may be opened now; 0 for good once either side has said goodbye. */
  get available(): number {
    if (this.ending || this.#closing || this.#refusing || this.#next > maxUint31) return 0;
    const most = this.#settled ? this.peer.maxConcurrentStreams : streamsBeforeSettings;
    return Math.max(0, most - this.live.size);
  }

  /** True when the server's SETTINGS have come. */
  get settled(): boolean {
    return this.#settled;
  }

  /** The server takes CONNECT with `:protocol` (RFC 8441). */
  get extendedConnect(): boolean {
    return this.peer.enableConnectProtocol;
  }

  /**
   * Opens a stream and sends the head.
   * @param end true when there is no body
   * @throws Error when none is `available`, or for `protocol` without `extendedConnect`
   */
  request(head: RequestToSend, end: boolean): ClientStream {
    if (this.available === 0) throw new Error("No stream may be opened: look at `available` first");
    const protocol = head.protocol ?? null;
    if (protocol !== null && !this.extendedConnect) throw new Error("The server takes no extended CONNECT (RFC 8441)");
    const stream = new ClientSideStream(this.#next, this, this.peer.initialWindowSize);
    this.#next += 2;
    stream.method = head.method;
    this.live.set(stream.id, stream);
    this.sendFields(stream, requestFields(head, protocol), end, head.neverIndexed ?? null);
    return stream;
  }

  /** Settles when the server has answered a PING; rejects when the connection ends first. */
  ping(): Promise<void> {
    if (this.ending) return rejected(new StreamReset(0, errorCodes.cancel));
    if (this.#pings.length >= maxPings) return Promise.reject(new Error(`${maxPings} PINGs are unanswered already`));
    const id = ++this.#pingId;
    const opaque = new Uint8Array(8);
    new DataView(opaque.buffer).setUint32(4, id);
    this.output.frames.ping(false, opaque);
    this.output.schedule();
    const returned = Promise.withResolvers<void>();
    this.#pings.push({ id, returned });
    return returned.promise;
  }

  /** No new streams; when those that are open have ended, GOAWAY and the close. */
  close(): void {
    this.#closing = true;
    this.leaveNow();
  }

  protected open(): void {
    const { limits } = this;
    const pairs: [number, number][] = [
      [settings.enablePush, 0],
      [settings.initialWindowSize, limits.initialWindowBytes],
      [settings.maxHeaderListSize, limits.maxHeaderListBytes],
    ];
    if (limits.maxFrameBytes !== 16_384) pairs.push([settings.maxFrameSize, limits.maxFrameBytes]);
    this.output.frames.preface();
    this.output.frames.settings(pairs);
    this.announceWindow();
  }

  // RFC 9113 §3.4: a server's preface is its SETTINGS.
  protected preface(chunk: Uint8Array): Uint8Array {
    return chunk;
  }

  /** We take no streams of the server's. */
  protected get lastPeerStream(): number {
    return 0;
  }

  protected isIdle(id: number): boolean {
    return (id & 1) === 0 || id >= this.#next;
  }

  protected fieldsReceived(id: number, block: DecodedBlock, end: boolean): void {
    const stream = this.live.get(id);
    // RFC 9113 §5.1.1, §8.4: a server opens streams by PUSH_PROMISE only, and we take none.
    if (stream === undefined) throw protocolError("HEADERS on a stream that was never opened");
    if (!(stream instanceof ClientSideStream)) return;
    if (block.tooLarge) throw new StreamError(id, errorCodes.enhanceYourCalm, "the field list is too large");
    if (stream.head !== null) return this.#trailers(stream, block, end);
    this.#head(stream, block, end);
  }

  #head(stream: ClientSideStream, { fields, neverIndexed }: DecodedBlock, end: boolean): void {
    const head = parseResponseFields(fields);
    if (head.status < 200) {
      // RFC 9113 §8.1: an interim response can't end the stream.
      if (end) throw new StreamError(stream.id, errorCodes.protocolError, "an interim response ended the stream");
      this.spend(flood.ignored);
      stream.onInterim?.(head.status, head.fields);
      return;
    }
    const contentLength = this.#contentLength(stream, head.status, head.contentLength);
    stream.receiveWindow = new ReceiveWindow(this.initialWindow);
    stream.expected = contentLength ?? -1;
    if (end) this.endWithFields(stream);
    stream.responded({ status: head.status, fields: head.fields, end, contentLength, neverIndexed });
  }

  /** What DATA must come to (RFC 9110 §6.4.1, RFC 9113 §8.1.1). */
  #contentLength(stream: ClientSideStream, status: number, announced: number | null): number | null {
    if (stream.method === "HEAD" || status === 204 || status === 304) return 0;
    if (stream.method === "CONNECT" && status < 300) return null;
    return announced;
  }

  #trailers(stream: ClientSideStream, { fields }: DecodedBlock, end: boolean): void {
    if (!end) throw new StreamError(stream.id, errorCodes.protocolError, "trailers without END_STREAM");
    stream.trailers = parseTrailers(fields);
    this.endWithFields(stream);
  }

  protected halfClosed(): void {}

  protected resetReceived(stream: LiveStream, code: number): void {
    if (!(stream instanceof ClientSideStream)) return;
    if (code === errorCodes.noError && stream.remoteEnded) {
      stream.stopSending(code);
      return this.forget(stream);
    }
    // A server that has begun to answer has done something.
    if (code === errorCodes.refusedStream && stream.head === null) stream.refused = true;
    this.abort(stream, code);
  }

  protected settingsReceived(): void {
    this.#settled = true;
    this.onAvailable?.();
  }

  protected override forgotten(): void {
    super.forgotten();
    this.onAvailable?.();
  }

  protected goAwayReceived(lastStreamId: number, code: number): void {
    this.#refusing = true;
    if (code !== errorCodes.noError) this.fault ??= "peer";
    // RFC 9113 §6.8: it never rises again.
    this.#lastPeerStream = Math.min(this.#lastPeerStream, lastStreamId);
    for (const stream of [...this.live.values()]) {
      if (stream.id <= this.#lastPeerStream || !(stream instanceof ClientSideStream)) continue;
      stream.refused = stream.head === null;
      this.abort(stream, errorCodes.refusedStream);
    }
    this.leaveNow();
    this.onAvailable?.();
  }

  protected pingReturned(payload: Uint8Array): void {
    if (this.ownPingReturned(payload)) return;
    const id = new DataView(payload.buffer, payload.byteOffset).getUint32(4);
    const at = this.#pings.findIndex((ping) => ping.id === id);
    if (at < 0) return this.spend(flood.ignored);
    this.#pings.splice(at, 1)[0]!.returned.resolve();
  }

  protected override abortAll(code: number): void {
    super.abortAll(code);
    for (const { returned } of this.#pings.splice(0)) {
      handled(returned.promise);
      returned.reject(new StreamReset(0, code));
    }
  }
}

function requestFields(head: RequestToSend, protocol: string | null): FieldList {
  if (head.method === "CONNECT" && protocol === null) {
    return [":method", "CONNECT", ":authority", head.authority, ...head.fields]; // RFC 9113 §8.5
  }
  const list = [":method", head.method];
  if (protocol !== null) list.push(":protocol", protocol);
  list.push(":scheme", head.scheme, ":authority", head.authority, ":path", head.path, ...head.fields);
  return list;
}
