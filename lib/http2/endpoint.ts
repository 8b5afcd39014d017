/**
 * What both ends of a connection keep, and what their streams ask of it.
 * @module
 */
import { ClosedStreams } from "./closed_streams.ts";
import { ConnectionError, errorCodes } from "./errors.ts";
import { floodFaults, type Http2Fault, LimitPassed } from "./fault.ts";
import { flood, FloodGuard, floodKinds } from "./flood_guard.ts";
import { defaultWindowBytes } from "./frame.ts";
import { type FieldList, HpackDecoder } from "./hpack/decoder.ts";
import { HpackEncoder } from "./hpack/encoder.ts";
import { type Http2Limits, withDefaults } from "./limits.ts";
import { Output } from "./output.ts";
import { PeerSettings } from "./peer_settings.ts";
import { ReceiveWindow } from "./receive_window.ts";
import { Sender } from "./sender.ts";
import type { LiveStream, StreamHost } from "./stream.ts";
import type { Http2Transport } from "./transport.ts";

const nothing = new Uint8Array(0);
/** Octets of a RST_STREAM frame. */
const resetFrameBytes = 13;

export interface EndpointOptions {
  limits?: Partial<Http2Limits>;
  /** Milliseconds that never go back; default `performance.now`. */
  now?: () => number;
}

/** The streams of a connection, its windows, and the frames that streams cause. */
export abstract class Endpoint implements StreamHost {
  /** Why the connection ended, if not in good order. */
  error: ConnectionError | null = null;
  /** The same for a metric. */
  fault: Http2Fault | null = null;
  readonly limits: Http2Limits;
  protected readonly transport: Http2Transport;
  protected readonly output: Output;
  protected readonly sender: Sender;
  protected readonly guard: FloodGuard;
  protected readonly peer: PeerSettings;
  protected readonly decoder: HpackDecoder;
  protected readonly encoder: HpackEncoder;
  /** Open streams by id. */
  protected readonly live = new Map<number, LiveStream>();
  protected readonly closed = new ClosedStreams();
  /** What all streams together may still receive. */
  protected readonly window: ReceiveWindow;
  /** What a new stream may receive at first. */
  protected initialWindow: number;
  protected readonly clock: () => number;
  /** Of the chunk or tick being handled, ms. */
  protected time: number;
  /** Nothing but GOAWAY is sent any more, and what comes is dropped. */
  protected ending = false;

  constructor(transport: Http2Transport, peerIsServer: boolean, options: EndpointOptions) {
    this.transport = transport;
    this.limits = withDefaults(options.limits);
    this.clock = options.now ?? (() => performance.now());
    this.time = this.clock();
    this.guard = new FloodGuard(this.limits, this.time);
    this.peer = new PeerSettings(peerIsServer);
    this.decoder = new HpackDecoder({ maxTableBytes: 4096, maxListBytes: this.limits.maxHeaderListBytes });
    this.encoder = new HpackEncoder();
    this.window = new ReceiveWindow(this.limits.connectionWindowBytes);
    // A peer that hasn't seen our SETTINGS yet goes by the RFC's value, where that is more.
    this.initialWindow = Math.max(this.limits.initialWindowBytes, defaultWindowBytes);
    this.output = new Output({
      transport,
      onRoom: () => this.sender.pump(),
      onFailed: () => this.lost(),
    });
    this.sender = new Sender({
      output: this.output,
      guard: this.guard,
      maxQueuedDataBytes: this.limits.maxQueuedDataBytes,
      now: () => this.time,
      ended: (stream, said) => this.#ended(stream, said),
      crumbs: () => this.fail(this.passed(flood.crumbs)),
    });
  }

  /** Streams that are open. */
  get streams(): number {
    return this.live.size;
  }

  /** Ends the connection for a fault, with GOAWAY. */
  protected abstract fail(error: ConnectionError): void;
  /** The transport broke. */
  protected abstract lost(): void;
  /** We have ended a stream that the peer hasn't. */
  protected abstract halfClosed(stream: LiveStream): void;
  /** A stream has gone from `live`. */
  protected abstract forgotten(): void;

  sendData(stream: LiveStream, bytes: Uint8Array, end: boolean): Promise<void> | void {
    return this.sender.send(stream, bytes, end);
  }

  sendEnd(stream: LiveStream, trailers: FieldList | null): void {
    if (trailers !== null) return this.sendFields(stream, trailers, true);
    this.output.frames.data(stream.id, nothing, true);
    this.#ended(stream, true);
  }

  /**
   * A field section: a head or trailers.
   * @param neverIndexed names that came so, which whoever passes them on must keep so (RFC 7541 §7.1.3)
   * @throws RangeError for a character above U+00FF, which also ends the connection: the peer's table would part from ours
   */
  sendFields(stream: LiveStream, fields: FieldList, end: boolean, neverIndexed?: ReadonlySet<string> | null): void {
    let block: Uint8Array;
    try {
      block = this.encoder.encode(fields, neverIndexed ?? undefined);
    } catch (error) {
      this.fail(new ConnectionError(errorCodes.internalError, "a field could not be encoded"));
      throw error;
    }
    this.output.frames.headers(stream.id, block, end);
    if (end) this.#ended(stream, true);
    else this.output.schedule();
  }

  /** What follows data that has gone. Whoever gave the trailers has gone on: a bad one shows by the connection's end alone. */
  #endBehind(stream: LiveStream): void {
    try {
      this.sendEnd(stream, stream.endTrailers.length > 0 ? stream.endTrailers : null);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }

  #ended(stream: LiveStream, said: boolean): void {
    if (!said) return this.#endBehind(stream);
    this.output.schedule();
    stream.localEnded = true;
    if (stream.remoteEnded) this.forget(stream);
    else this.halfClosed(stream);
  }

  resetByOwner(stream: LiveStream, code: number): void {
    if (!stream.closed) this.sendReset(stream, code);
    this.dropUnread(stream);
    stream.fail(code);
  }

  /** RST_STREAM, and forgets the stream; its late frames are borne. */
  protected sendReset(stream: LiveStream, code: number): void {
    this.output.frames.rstStream(stream.id, code);
    this.output.schedule();
    this.closed.addReset(stream.id, stream.remoteEnded ? 0 : stream.receiveWindow?.left ?? this.initialWindow);
    this.#remove(stream);
  }

  release(stream: LiveStream, octets: number): void {
    this.releaseConnection(octets);
    if (stream.closed || stream.remoteEnded || this.ending) return;
    const increment = stream.receiveWindow!.release(octets);
    if (increment === 0) return;
    this.output.frames.windowUpdate(stream.id, increment);
    this.output.schedule();
  }

  /** Gives credit for octets that no stream holds any more. */
  protected releaseConnection(octets: number): void {
    const increment = this.window.release(octets);
    if (increment === 0 || this.ending) return;
    this.output.frames.windowUpdate(0, increment);
    this.output.schedule();
  }

  protected dropUnread(stream: LiveStream): void {
    const octets = stream.dropReceived();
    if (octets > 0) this.releaseConnection(octets);
  }

  /** A stream that both sides have ended. */
  protected forget(stream: LiveStream): void {
    this.closed.addEnded(stream.id);
    this.#remove(stream);
  }

  #remove(stream: LiveStream): void {
    stream.closed = true;
    this.live.delete(stream.id);
    this.forgotten();
  }

  /** The stream is over without its owner's doing: the peer reset it, or the connection goes. */
  protected abort(stream: LiveStream, code: number): void {
    if (!stream.closed) {
      this.closed.addEnded(stream.id);
      this.#remove(stream);
    }
    this.dropUnread(stream);
    if (!stream.fail(code)) return;
    const { onReset } = stream;
    stream.onReset = null;
    onReset?.(code);
  }

  protected abortAll(code: number): void {
    for (const stream of [...this.live.values()]) this.abort(stream, code);
  }

  /**
   * The peer broke a stream's rules (RFC 9113 §5.4.2). Each such reset costs it as much as one of its own would: a peer
   * can make an endpoint reset streams as fast as it can reset them itself (CVE-2025-8671).
   */
  protected streamError(id: number, code: number): void {
    this.spend(flood.resets);
    this.countControl(resetFrameBytes);
    const stream = this.live.get(id);
    if (stream === undefined) {
      this.output.frames.rstStream(id, code);
      this.closed.addReset(id, this.initialWindow);
      return;
    }
    this.sendReset(stream, code);
    this.abort(stream, code);
  }

  /** @throws LimitPassed when the peer has used that kind of frame up */
  protected spend(kind: number, cost = 1): void {
    if (!this.guard.spend(kind, this.time, cost)) throw this.passed(kind);
  }

  protected passed(kind: number): LimitPassed {
    const name = floodKinds[kind]!;
    const { burst, perSecond } = this.limits[name];
    return new LimitPassed(floodFaults[name], `more than ${burst} ${name} at once or ${perSecond} a second`);
  }

  /** Counts an answer the peer provoked. @throws LimitPassed when it doesn't take them off the transport */
  protected countControl(octets: number): void {
    this.output.control += octets;
    if (this.output.control <= this.limits.maxQueuedControlBytes) return;
    throw new LimitPassed("control_queue", "the answers to control frames are not being read");
  }
}

/** The error of a breach of the protocol. */
export function protocolError(message: string): ConnectionError {
  return new ConnectionError(errorCodes.protocolError, message);
}
