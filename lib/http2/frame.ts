/**
 * Frames of HTTP/2: what their headers and payloads are made of (RFC 9113 §4, §6).
 * @module
 */
import { ConnectionError, errorCodes } from "./errors.ts";

/** RFC 9113 §6. */
export const frameTypes = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  rstStream: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goAway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
} as const;

/** Flags by what they say; `ack` is of SETTINGS and PING, `endStream` of DATA and HEADERS. */
export const flags = {
  endStream: 0x1,
  ack: 0x1,
  endHeaders: 0x4,
  padded: 0x8,
  priority: 0x20,
} as const;

/** RFC 9113 §6.5.2, RFC 8441 §3, RFC 9218 §2.1. */
export const settings = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
  enableConnectProtocol: 0x8,
  noRfc7540Priorities: 0x9,
} as const;

/** Octets of every frame's header. */
export const frameHeaderBytes = 9;
/** RFC 9113 §4.2: what every endpoint takes, and what SETTINGS_MAX_FRAME_SIZE can't go above. */
export const minMaxFrameBytes = 16_384;
export const maxMaxFrameBytes = 16_777_215;
/** RFC 9113 §6.9.1, §5.1.1: largest window, largest stream identifier. */
export const maxUint31 = 0x7fffffff;
/** RFC 9113 §6.9.2: windows of the connection and of each stream before anybody says otherwise. */
export const defaultWindowBytes = 65_535;

/** What a client sends first (RFC 9113 §3.4): 24 octets, then SETTINGS. */
export const clientPreface: Uint8Array = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** One frame. `payload` is a view that is valid until more is fed to the reader. */
export interface Frame {
  /** One of `frameTypes`, or one that isn't known and is ignored (RFC 9113 §4.1). */
  readonly type: number;
  readonly flags: number;
  /** 0 for the connection. */
  readonly streamId: number;
  readonly payload: Uint8Array;
}

/** Unsigned 32 bits, big endian. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** 31 bits; the reserved first bit is ignored (RFC 9113 §4.1). */
export function readUint31(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) & maxUint31;
}

/** Unsigned 16 bits, big endian. */
export function readUint16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

/**
 * What DATA or HEADERS carry: the payload without padding and without the priority fields, which have no meaning
 * any more (RFC 9113 §5.3.2).
 * @throws ConnectionError FRAME_SIZE_ERROR for a payload too short for its fields, PROTOCOL_ERROR for padding as long
 *   as the rest of the payload or longer (RFC 9113 §6.1, §6.2)
 */
export function frameContent(frame: Frame): Uint8Array {
  const { payload } = frame;
  const padded = (frame.flags & flags.padded) !== 0;
  const prioritized = frame.type === frameTypes.headers && (frame.flags & flags.priority) !== 0;
  if (!padded && !prioritized) return payload;
  const start = (padded ? 1 : 0) + (prioritized ? 5 : 0);
  if (payload.length < start) {
    throw new ConnectionError(errorCodes.frameSizeError, `frame of ${payload.length} octets, its fields take ${start}`);
  }
  const padding = padded ? payload[0]! : 0;
  if (start + padding > payload.length) {
    throw new ConnectionError(errorCodes.protocolError, `${padding} octets of padding in ${payload.length} of payload`);
  }
  return payload.subarray(start, payload.length - padding);
}
