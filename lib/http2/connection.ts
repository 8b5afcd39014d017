/**
 * A connection from its first frame to its close.
 * @module
 */
import type { EndpointOptions } from "./endpoint.ts";
import { ConnectionError, errorCodes } from "./errors.ts";
import { faultOf, LimitPassed } from "./fault.ts";
import { FrameHandler } from "./frame_handler.ts";
import { defaultWindowBytes, maxUint31 } from "./frame.ts";
import { FrameReader } from "./frame_reader.ts";
import { joinHeartbeat, leaveHeartbeat } from "./heartbeat.ts";
import type { LiveStream } from "./stream.ts";
import type { Http2Transport } from "./transport.ts";

/** After our last byte this much more is read, so that a reset doesn't overtake it (RFC 9113 §6.8, RFC 9112 §9.6). */
const lingerBytes = 1024 * 1024;
/** The PING behind the first GOAWAY of a drain: when it comes back, whatever was on its way has come. */
const drainPing = Uint8Array.of(0x64, 0x72, 0x61, 0x69, 0x6e, 0, 0, 0);
/** A peer that doesn't return it in this time gets the second GOAWAY all the same, ms. */
const drainPingMs = 1000;
/** Asks a silent peer whether it is there. */
const keepAlivePing = Uint8Array.of(0x61, 0x6c, 0x69, 0x76, 0x65, 0, 0, 0);
/** What is told of an error, characters. */
const maxDebugText = 120;

/** What server and client share: the loop that reads, the close, and the time-outs. */
export abstract class Http2Connection extends FrameHandler {
  /** Called once when it is over and the transport is closed. */
  onClosed: (() => void) | null = null;
  readonly #reader: FrameReader;
  #started = false;
  #over = false;
  /** When our last frame was written, ms; moves on while a peer is still taking it. */
  #endedAt = 0;
  #idleSince: number;
  /** When something last came, ms. */
  #heardAt = 0;
  /** When a silent peer was asked, ms; -1 while there is no doubt. */
  #askedAt = -1;
  /** Keepalive PINGs that haven't come back. */
  #keepAlivePings = 0;
  /** Asked to leave before the peer has acknowledged our SETTINGS; see `leave`. */
  #leaveWhenSettled = false;
  #drain: "no" | "announced" | "final" = "no";
  #drainedAt = 0;
  #writeSeen = 0;
  #writeSeenAt = 0;

  constructor(transport: Http2Transport, peerIsServer: boolean, options: EndpointOptions) {
    super(transport, peerIsServer, options);
    this.#reader = new FrameReader(this.limits.maxFrameBytes);
    this.#idleSince = this.time;
  }

  /** Preface and SETTINGS. */
  protected abstract open(): void;
  /** Takes the peer's preface off the front; what is left are frames. Null while more of it must come. */
  protected abstract preface(chunk: Uint8Array): Uint8Array | null;
  /** The highest stream of the peer that was handled, for GOAWAY. */
  protected abstract get lastPeerStream(): number;

  /** Lets the peer send on all streams together what our limit says (RFC 9113 §6.9.2: it starts with 65 535). */
  protected announceWindow(): void {
    const more = this.limits.connectionWindowBytes - defaultWindowBytes;
    if (more > 0) this.output.frames.windowUpdate(0, more);
  }

  /** True from the GOAWAY that names our last stream; no stream of the peer above it is handled. */
  protected get leaving(): boolean {
    return this.#drain === "final" || this.ending;
  }

  /** Serves until the connection is over; never rejects. Every stream is closed then, and the transport. */
  async run(): Promise<void> {
    if (this.#started) throw new Error("Http2Connection.run may be called once");
    this.#started = true;
    joinHeartbeat(this);
    try {
      this.settingsSentAt = this.time = this.clock();
      this.#idleSince = this.#heardAt = this.time;
      this.output.hold();
      this.open();
      this.output.release();
      await this.#readAll();
    } catch {
      this.lost();
    } finally {
      leaveHeartbeat(this);
      this.#over = true;
      this.ending = true;
      this.output.fail();
      this.transport.destroy();
      this.abortAll(errorCodes.cancel);
      this.onClosed?.();
    }
  }

  async #readAll(): Promise<void> {
    let prefaced = false;
    for (let dropped = 0; dropped < lingerBytes;) {
      const next = this.transport.read();
      let chunk = next instanceof Promise ? await next : next;
      if (chunk === null) return this.#peerEnded();
      if (this.ending) {
        dropped += chunk.length;
        continue;
      }
      this.time = this.#heardAt = this.clock();
      this.#askedAt = -1;
      this.output.hold();
      try {
        if (!prefaced) {
          const rest = this.preface(chunk);
          if (rest === null) continue;
          prefaced = true;
          chunk = rest;
        }
        this.#reader.feed(chunk);
        for (let frame = this.#reader.next(); frame !== null && !this.ending; frame = this.#reader.next()) {
          this.handle(frame);
          if (this.output.pending >= this.limits.maxQueuedBytes) await this.#takeBreath();
        }
      } catch (error) {
        this.#caught(error);
      } finally {
        this.output.release();
      }
    }
  }

  /** The peer doesn't read what it makes us write: it isn't read from either until it has. */
  async #takeBreath(): Promise<void> {
    this.output.release();
    await this.output.room(this.limits.maxQueuedBytes);
    this.output.hold();
  }

  #peerEnded(): void {
    if (this.ending) return;
    if (this.live.size > 0 || !this.#reader.idle) this.fault ??= "transport";
    this.abortAll(errorCodes.cancel);
  }

  #caught(error: unknown): void {
    if (error instanceof ConnectionError) return this.fail(error);
    const internal = new ConnectionError(errorCodes.internalError, "internal error");
    internal.cause = error;
    this.fail(internal);
  }

  protected lost(): void {
    if (this.#over) return;
    if (!this.ending && this.live.size > 0) this.fault ??= "transport";
    this.ending = true;
    this.abortAll(errorCodes.cancel);
    this.transport.destroy();
  }

  protected fail(error: ConnectionError): void {
    if (this.ending) return;
    this.error = error;
    this.fault = faultOf(error);
    this.#end(error.code, error.message.slice(0, maxDebugText));
  }

  /** The last GOAWAY; then the writing side ends, and the peer has a moment to close. */
  #end(code: number, text: string): void {
    if (this.ending) return;
    this.output.frames.goAway(this.lastPeerStream, code, text);
    this.ending = true;
    this.#endedAt = this.time = this.clock();
    this.abortAll(code === errorCodes.noError ? errorCodes.cancel : code);
    this.output.release();
    void this.output.room(1).then(() => this.transport.closed ? undefined : this.transport.endWrite());
  }

  /**
   * No new streams; those that are open are finished, then the connection is closed. SETTINGS come first (RFC 9113 §3.4),
   * and nothing more until the peer has acknowledged them: grpc-js 1.14 misses a GOAWAY that comes in one read with them,
   * and then starts its calls on the dead session for ever, without giving way to anything else in its process.
   */
  protected leave(): void {
    if (this.ending || this.#drain !== "no") return;
    if (!this.#started || this.settingsSentAt >= 0) {
      this.#leaveWhenSettled = true;
      return;
    }
    // RFC 9113 §6.8: first a GOAWAY that refuses nothing, so that no request on its way is lost.
    this.#drain = "announced";
    this.#drainedAt = this.time = this.clock();
    this.output.frames.goAway(maxUint31, errorCodes.noError);
    this.output.frames.ping(false, drainPing);
    this.output.schedule();
  }

  protected settingsAcknowledged(): void {
    if (this.#leaveWhenSettled) this.leave();
  }

  /** The same when nothing can be on its way: a client's, as it takes no streams. */
  protected leaveNow(): void {
    if (this.ending || this.#drain === "final") return;
    this.#drain = "final";
    if (this.live.size === 0) return this.#end(errorCodes.noError, "");
    this.output.frames.goAway(this.lastPeerStream, errorCodes.noError);
    this.output.schedule();
  }

  /** @returns true when it was one of the connection's own: the drain's or the keepalive's */
  protected ownPingReturned(payload: Uint8Array): boolean {
    if (this.#drain === "announced" && isSame(payload, drainPing)) {
      this.leaveNow();
      return true;
    }
    if (this.#keepAlivePings === 0 || !isSame(payload, keepAlivePing)) return false;
    this.#keepAlivePings--;
    return true;
  }

  protected forgotten(): void {
    if (this.live.size > 0) return;
    this.#idleSince = this.time;
    if (this.#drain === "final" && !this.ending) this.#end(errorCodes.noError, "");
  }

  /** Cuts the connection: with GOAWAY if a code is given, else without a word. */
  destroy(code?: number): void {
    if (code !== undefined) return this.fail(new ConnectionError(code, ""));
    this.ending = true;
    this.output.fail();
    this.abortAll(errorCodes.cancel);
    this.transport.destroy();
  }

  /** Looks at the time-outs; called twice a second while `run` runs, and by tests. */
  tick(): void {
    if (this.#over) return;
    const now = this.time = this.clock();
    try {
      this.#checkTransport(now);
      if (this.ending) return this.#checkEnd(now);
      if (!this.#checkAlive(now)) return;
      this.#checkPeer(now);
      this.#checkStreams(now);
    } catch (error) {
      this.#caught(error);
    }
  }

  /** Closes the transport when the peer doesn't. In good order its last bytes go first: a slow peer may take a while. */
  #checkEnd(now: number): void {
    if (this.error === null && this.output.writing) this.#endedAt = now;
    else if (now - this.#endedAt >= this.limits.lingerMs) this.transport.destroy();
  }

  /** A write that takes for ever: the peer reads nothing, whatever its windows say (CVE-2019-9517). */
  #checkTransport(now: number): void {
    const quiet = this.output.taken === this.#writeSeen;
    if (!this.output.writing || !quiet) {
      // Nothing was written since the last look: an idle connection needs no buffers.
      if (quiet) this.#shrink();
      this.#writeSeen = this.output.taken;
      this.#writeSeenAt = now;
    } else if (now - this.#writeSeenAt >= this.limits.stalledTransportMs) {
      this.fault ??= "stalled_transport";
      this.destroy();
    }
  }

  #shrink(): void {
    this.output.frames.shrink();
    this.#reader.shrink();
  }

  /** A peer that is gone without a word (a pulled cable, a frozen host) would hold its streams for ever. */
  #checkAlive(now: number): boolean {
    const { keepAliveMs, keepAliveTimeoutMs } = this.limits;
    if (keepAliveMs === 0) return true;
    if (this.#askedAt >= 0) {
      if (now - this.#askedAt < keepAliveTimeoutMs) return true;
      this.fault ??= "silent_peer";
      this.destroy();
      return false;
    }
    if (now - this.#heardAt >= keepAliveMs) {
      this.#askedAt = now;
      this.#keepAlivePings++;
      this.output.frames.ping(false, keepAlivePing);
      this.output.schedule();
    }
    return true;
  }

  #checkPeer(now: number): void {
    const { settingsAckTimeoutMs, headerBlockTimeoutMs, idleMs } = this.limits;
    if (this.settingsSentAt >= 0 && now - this.settingsSentAt >= settingsAckTimeoutMs) {
      const message = `SETTINGS were not acknowledged within ${settingsAckTimeoutMs} ms`;
      throw new LimitPassed("settings_timeout", message, errorCodes.settingsTimeout);
    }
    if (this.block.streamId !== 0 && now - this.block.since >= headerBlockTimeoutMs) {
      throw new LimitPassed("header_block_timeout", `a field block took longer than ${headerBlockTimeoutMs} ms`);
    }
    if (this.#drain === "announced" && now - this.#drainedAt >= drainPingMs) return this.leaveNow();
    if (idleMs > 0 && this.live.size === 0 && now - this.#idleSince >= idleMs) this.leave();
  }

  /** Streams whose peer opens no window for what waits hold memory and a backend; they don't for ever. */
  #checkStreams(now: number): void {
    for (const stream of this.live.values()) {
      if (stream.pending === null) continue;
      if (this.sender.mayMove(stream)) stream.movedAt = now;
      else if (now - stream.movedAt >= this.limits.stalledWindowMs) this.#stalled(stream);
    }
  }

  #stalled(stream: LiveStream): void {
    this.sendReset(stream, errorCodes.cancel);
    this.abort(stream, errorCodes.cancel);
  }
}

function isSame(payload: Uint8Array, other: Uint8Array): boolean {
  return payload.every((octet, index) => octet === other[index]);
}
