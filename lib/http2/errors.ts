/**
 * What ends a connection or a stream of HTTP/2, by the codes of RFC 9113 §7.
 * @module
 */

/** RFC 9113 §7. Codes that aren't here mean INTERNAL_ERROR. */
export const errorCodes = {
  noError: 0x0,
  protocolError: 0x1,
  internalError: 0x2,
  flowControlError: 0x3,
  settingsTimeout: 0x4,
  streamClosed: 0x5,
  frameSizeError: 0x6,
  refusedStream: 0x7,
  cancel: 0x8,
  compressionError: 0x9,
  connectError: 0xa,
  enhanceYourCalm: 0xb,
  inadequateSecurity: 0xc,
  http11Required: 0xd,
} as const;

const names = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
] as const;

/** The code's name in RFC 9113 §7; a number outside the table as `0x1f`. */
export function errorCodeName(code: number): string {
  return names[code] ?? `0x${code.toString(16)}`;
}

/** The connection can't go on: GOAWAY with `code`, then it is closed (RFC 9113 §5.4.1). */
export class ConnectionError extends Error {
  override readonly name: string = "ConnectionError";
  constructor(readonly code: number, message: string) {
    super(message);
  }
}

/** A header block that can't be decoded. The tables of both sides have parted, so it ends the connection (RFC 9113 §4.3). */
export class HpackError extends ConnectionError {
  override readonly name = "HpackError";
  constructor(message: string) {
    super(errorCodes.compressionError, message);
  }
}

/**
 * One stream can't go on: RST_STREAM with `code` (RFC 9113 §5.4.2). It is thrown and is no Error: a peer makes it happen
 * as often as it likes, and taking a stack costs more than all else that is done for a frame.
 */
export class StreamError {
  constructor(readonly streamId: number, readonly code: number, readonly message: string) {}
}

/**
 * A message that is framed well and says something it must not: a stream error of
 * type PROTOCOL_ERROR (RFC 9113 §8.1.1). A server may answer a request with `status` first. Like {@linkcode StreamError}
 * it has no stack.
 */
export class MalformedMessage {
  readonly code = errorCodes.protocolError;
  readonly status = 400;
  constructor(readonly message: string) {}
}
