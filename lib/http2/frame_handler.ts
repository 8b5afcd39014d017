/**
 * What each frame does (RFC 9113 §6), and when it mustn't have come (§5.1).
 * @module
 */
import { Endpoint, protocolError } from "./endpoint.ts";
import { ConnectionError, errorCodes, MalformedMessage, StreamError } from "./errors.ts";
import { flood } from "./flood_guard.ts";
import {
  flags,
  type Frame,
  frameContent,
  frameTypes,
  maxUint31,
  minMaxFrameBytes,
  readUint31,
  readUint32,
} from "./frame.ts";
import type { DecodedBlock } from "./hpack/decoder.ts";
import { HeaderBlock } from "./header_block.ts";
import type { LiveStream } from "./stream.ts";

/** Octets of a PING and a SETTINGS acknowledgement. */
const pingFrameBytes = 17;
const settingsAckBytes = 9;

/** Frames to their effects; which streams there may be is the server's or client's to say. */
export abstract class FrameHandler extends Endpoint {
  /** When SETTINGS went out that aren't acknowledged, ms; -1 when none. */
  protected settingsSentAt = -1;
  protected readonly block = new HeaderBlock({
    maxContinuations: this.limits.maxContinuations,
    // Fields don't grow by being coded, save for what Huffman makes of odd octets; no encoder must use it on those.
    maxBlockBytes: this.limits.maxHeaderListBytes + 16_384,
  });
  #settingsSeen = false;

  /** The peer's first SETTINGS have come, or more. */
  protected abstract settingsReceived(): void;
  /** The peer goes by our SETTINGS from here on. */
  protected abstract settingsAcknowledged(): void;
  /** A stream that has never been open, on either side. */
  protected abstract isIdle(id: number): boolean;
  /** A whole field section for a stream that is open, or whose id says it is to be. */
  protected abstract fieldsReceived(id: number, block: DecodedBlock, end: boolean): void;
  /** GOAWAY of the peer. */
  protected abstract goAwayReceived(lastStreamId: number, code: number): void;
  /** PING of ours came back. */
  protected abstract pingReturned(payload: Uint8Array): void;
  /** The peer's reset of a stream; it is open. */
  protected abstract resetReceived(stream: LiveStream, code: number): void;

  /** @throws ConnectionError when the connection can't go on */
  protected handle(frame: Frame): void {
    try {
      this.#dispatch(frame);
    } catch (error) {
      if (error instanceof StreamError) this.streamError(error.streamId, error.code);
      else if (error instanceof MalformedMessage) this.streamError(frame.streamId, error.code);
      else throw error;
    }
  }

  #dispatch(frame: Frame): void {
    if (this.block.streamId !== 0 && frame.type !== frameTypes.continuation) {
      throw protocolError("a field block was interrupted by another frame"); // RFC 9113 §6.10
    }
    if (!this.#settingsSeen && (frame.type !== frameTypes.settings || (frame.flags & flags.ack) !== 0)) {
      throw protocolError("the first frame was not SETTINGS"); // RFC 9113 §3.4
    }
    switch (frame.type) {
      case frameTypes.data:
        return this.#data(frame);
      case frameTypes.headers:
        return this.#headers(frame);
      case frameTypes.priority:
        return this.#priority(frame);
      case frameTypes.rstStream:
        return this.#rstStream(frame);
      case frameTypes.settings:
        return this.#settings(frame);
      case frameTypes.pushPromise:
        // RFC 9113 §8.4: a client can't push, and our client has said that it takes none.
        throw protocolError("PUSH_PROMISE was not allowed");
      case frameTypes.ping:
        return this.#ping(frame);
      case frameTypes.goAway:
        return this.#goAway(frame);
      case frameTypes.windowUpdate:
        return this.#windowUpdate(frame);
      case frameTypes.continuation:
        return this.#continuation(frame);
      default:
        // RFC 9113 §4.1, §5.5: unknown types are nothing, with whatever flags and stream.
        this.spend(flood.ignored);
    }
  }

  #data(frame: Frame): void {
    const { streamId: id, payload } = frame;
    onStream(frame);
    const octets = payload.length;
    if (!this.window.receive(octets)) {
      throw new ConnectionError(errorCodes.flowControlError, "DATA above the connection's window");
    }
    const stream = this.live.get(id);
    if (stream === undefined) return this.#dataForNoStream(id, octets);
    const end = (frame.flags & flags.endStream) !== 0;
    const content = frameContent(frame);
    const wrong = this.#wrongData(stream, octets, content.length, end);
    if (wrong !== null) {
      this.releaseConnection(octets);
      throw wrong;
    }
    if (content.length > 0) stream.receive(content);
    // Nobody reads padding: its credit goes back at once (RFC 9113 §6.9.1 counts it).
    if (octets > content.length) this.release(stream, octets - content.length);
    if (end) this.#remoteEnd(stream);
    else if (content.length === 0) this.spend(flood.emptyData);
  }

  /** The error of a DATA frame for an open stream, or null; counts it against window and content-length. */
  #wrongData(stream: LiveStream, octets: number, content: number, end: boolean): StreamError | null {
    // RFC 9113 §5.1: half-closed (remote).
    if (stream.remoteEnded) return new StreamError(stream.id, errorCodes.streamClosed, "DATA after END_STREAM");
    const window = stream.receiveWindow;
    if (window === null) return new StreamError(stream.id, errorCodes.protocolError, "DATA before the head");
    if (!window.receive(octets)) {
      return new StreamError(stream.id, errorCodes.flowControlError, "DATA above the stream's window");
    }
    if (stream.expected < 0) return null;
    stream.expected -= content;
    // RFC 9113 §8.1.1: the DATA must add up to content-length, without padding.
    if (stream.expected >= 0 && !(end && stream.expected > 0)) return null;
    return new StreamError(stream.id, errorCodes.protocolError, "the body is not as long as content-length says");
  }

  #dataForNoStream(id: number, octets: number): void {
    this.releaseConnection(octets);
    this.#late(id, "DATA");
    this.spend(flood.ignored);
    if (!this.closed.receive(id, octets)) {
      throw new ConnectionError(errorCodes.flowControlError, "DATA above the window of a stream that was reset");
    }
  }

  /** A frame for a stream that isn't open: borne only if we have reset it. */
  #late(id: number, name: string): void {
    if (this.isIdle(id)) throw protocolError(`${name} on a stream that was never opened`);
    if (this.closed.isReset(id)) return;
    // RFC 9113 §5.1.1: an id that was passed over can't be opened later; §5.1: one that has ended is closed.
    if (name === "HEADERS" && !this.closed.wasEnded(id)) throw protocolError("HEADERS on a stream id of the past");
    throw new ConnectionError(errorCodes.streamClosed, `${name} on a closed stream`);
  }

  #headers(frame: Frame): void {
    onStream(frame);
    const fragment = frameContent(frame);
    const end = (frame.flags & flags.endStream) !== 0;
    if ((frame.flags & flags.endHeaders) === 0) {
      return this.block.begin(frame.streamId, fragment, end, this.time);
    }
    this.#fields(frame.streamId, fragment, end);
  }

  #continuation(frame: Frame): void {
    const block = this.block.continue(frame.streamId, frame.payload, (frame.flags & flags.endHeaders) !== 0);
    if (block !== null) this.#fields(frame.streamId, block, this.block.endStream);
  }

  #fields(id: number, block: Uint8Array, end: boolean): void {
    // Decoded whatever becomes of it, because the table goes on (RFC 9113 §4.3).
    const decoded = this.decoder.decode(block);
    const stream = this.live.get(id);
    if (stream === undefined && !this.isIdle(id)) {
      this.#late(id, "HEADERS");
      return this.spend(flood.ignored);
    }
    if (stream?.remoteEnded) throw new StreamError(id, errorCodes.streamClosed, "HEADERS after END_STREAM");
    this.fieldsReceived(id, decoded, end);
  }

  /** The peer's END_STREAM. @throws StreamError when the body falls short of its content-length */
  #remoteEnd(stream: LiveStream): void {
    if (stream.localEnded) this.forget(stream);
    stream.endReceived();
  }

  /** The same without DATA: a head or trailers that end the stream. */
  protected endWithFields(stream: LiveStream): void {
    if (stream.expected > 0) {
      throw new StreamError(stream.id, errorCodes.protocolError, "the body is shorter than content-length says");
    }
    this.#remoteEnd(stream);
  }

  #priority(frame: Frame): void {
    onStream(frame);
    this.spend(flood.ignored);
    if (frame.payload.length === 5) return;
    const message = "PRIORITY must have 5 octets"; // RFC 9113 §6.3
    // RST_STREAM must not be sent for an idle stream (RFC 9113 §6.4).
    if (this.live.has(frame.streamId)) throw new StreamError(frame.streamId, errorCodes.frameSizeError, message);
    throw new ConnectionError(errorCodes.frameSizeError, message);
  }

  #rstStream(frame: Frame): void {
    onStream(frame);
    ofLength(frame, 4, "RST_STREAM");
    if (this.isIdle(frame.streamId)) throw protocolError("RST_STREAM on a stream that was never opened");
    const stream = this.live.get(frame.streamId);
    if (stream === undefined) this.spend(flood.ignored);
    else this.resetReceived(stream, readUint32(frame.payload, 0));
  }

  #settings(frame: Frame): void {
    onConnection(frame, "SETTINGS");
    const { payload } = frame;
    if ((frame.flags & flags.ack) !== 0) {
      ofLength(frame, 0, "an acknowledgement of SETTINGS");
      return this.#settingsAcknowledged();
    }
    if (payload.length % 6 !== 0) {
      throw new ConnectionError(errorCodes.frameSizeError, "SETTINGS must have a multiple of 6 octets");
    }
    this.spend(flood.settings, 1 + Math.floor(payload.length / 6 / 32));
    this.#settingsSeen = true;
    const before = this.peer.initialWindowSize;
    this.peer.apply(payload);
    this.encoder.setMaxTableBytes(Math.min(this.peer.headerTableSize, 4096));
    this.output.frames.maxFrameBytes = Math.min(this.peer.maxFrameSize, minMaxFrameBytes);
    const shift = this.peer.initialWindowSize - before;
    if (shift !== 0) this.#shiftSendWindows(shift);
    // Before anything that goes by the new values: the peer may hold us to the old ones until then (RFC 9113 §6.5.3).
    this.countControl(settingsAckBytes);
    this.output.frames.settingsAck();
    if (shift > 0) {
      for (const stream of this.live.values()) this.sender.opened(stream);
    }
    this.settingsReceived();
  }

  /** RFC 9113 §6.9.2: a changed initial window moves every stream's by the difference, below zero if need be. */
  #shiftSendWindows(shift: number): void {
    for (const stream of this.live.values()) {
      stream.sendWindow += shift;
      if (stream.sendWindow > maxUint31) {
        throw new ConnectionError(errorCodes.flowControlError, "INITIAL_WINDOW_SIZE lets a window overflow");
      }
    }
  }

  #settingsAcknowledged(): void {
    if (this.settingsSentAt < 0) return this.spend(flood.ignored);
    this.settingsSentAt = -1;
    const shift = this.limits.initialWindowBytes - this.initialWindow;
    this.initialWindow = this.limits.initialWindowBytes;
    if (shift !== 0) { for (const stream of this.live.values()) stream.receiveWindow?.shift(shift); }
    this.settingsAcknowledged();
  }

  #ping(frame: Frame): void {
    onConnection(frame, "PING");
    ofLength(frame, 8, "PING");
    if ((frame.flags & flags.ack) !== 0) return this.pingReturned(frame.payload);
    this.spend(flood.pings);
    this.countControl(pingFrameBytes);
    this.output.frames.ping(true, frame.payload);
  }

  #goAway(frame: Frame): void {
    onConnection(frame, "GOAWAY");
    if (frame.payload.length < 8) throw new ConnectionError(errorCodes.frameSizeError, "GOAWAY must have 8 octets");
    this.spend(flood.ignored);
    this.goAwayReceived(readUint31(frame.payload, 0), readUint32(frame.payload, 4));
  }

  #windowUpdate(frame: Frame): void {
    ofLength(frame, 4, "WINDOW_UPDATE");
    this.spend(flood.windowUpdates);
    const id = frame.streamId;
    const increment = readUint31(frame.payload, 0);
    if (id === 0) {
      if (increment === 0) throw protocolError("WINDOW_UPDATE by nothing");
      this.sender.window += increment;
      if (this.sender.window > maxUint31) {
        throw new ConnectionError(errorCodes.flowControlError, "WINDOW_UPDATE lets the connection's window overflow");
      }
      return this.sender.pump();
    }
    const stream = this.live.get(id);
    if (stream === undefined) {
      if (this.isIdle(id)) throw protocolError("WINDOW_UPDATE on a stream that was never opened");
      return;
    }
    if (increment === 0) throw new StreamError(id, errorCodes.protocolError, "WINDOW_UPDATE by nothing");
    stream.sendWindow += increment;
    if (stream.sendWindow > maxUint31) {
      throw new StreamError(id, errorCodes.flowControlError, "WINDOW_UPDATE lets the stream's window overflow");
    }
    this.sender.opened(stream);
  }
}

function onStream(frame: Frame): void {
  if (frame.streamId === 0) throw protocolError("a frame of a stream came without one");
}

function onConnection(frame: Frame, name: string): void {
  if (frame.streamId !== 0) throw protocolError(`${name} came on a stream`);
}

function ofLength(frame: Frame, octets: number, name: string): void {
  if (frame.payload.length === octets) return;
  throw new ConnectionError(errorCodes.frameSizeError, `${name} must have ${octets} octets`);
}
