/**
 * What a peer may take of one connection.
 * @module
 */

/** A token bucket: `burst` at once, `perSecond` for ever. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Limits of one connection; every one has a default in {@linkcode defaultLimits}. */
export interface Http2Limits {
  /** Streams the peer may have open at once (SETTINGS_MAX_CONCURRENT_STREAMS); more are refused, which costs nothing. */
  maxConcurrentStreams: number;
  /** Bytes of one stream that may wait for its reader (SETTINGS_INITIAL_WINDOW_SIZE). At most 2^31-1. */
  initialWindowBytes: number;
  /** Bytes of all streams together that may wait for their readers. 65 535 at least (RFC 9113 §6.9.2), 2^31-1 at most. */
  connectionWindowBytes: number;
  /** Longest payload the peer may send (SETTINGS_MAX_FRAME_SIZE): 16 384 to 16 777 215. */
  maxFrameBytes: number;
  /** Longest field list, by the count of RFC 9113 §6.5.2: each name and value and 32. */
  maxHeaderListBytes: number;
  /** CONTINUATION frames behind one HEADERS frame. */
  maxContinuations: number;
  /** Frames of DATA are made while less than this waits for the transport. */
  maxQueuedDataBytes: number;
  /** Above this, of whatever frames, the peer isn't read from until it has taken some. */
  maxQueuedBytes: number;
  /** Answers a peer provoked (acknowledgements, resets, refusals) that may wait for the transport. */
  maxQueuedControlBytes: number;
  /** RST_STREAM frames: the peer's own, those it provoked, and refused streams. */
  resets: Rate;
  /** PING frames. */
  pings: Rate;
  /** SETTINGS frames; one more for every 32 settings in it. */
  settings: Rate;
  /** Frames without effect: PRIORITY, unknown types, anything for streams that have ended. */
  ignored: Rate;
  /** DATA frames without data that end nothing. */
  emptyData: Rate;
  /** WINDOW_UPDATE frames; each DATA frame sent pays for two. */
  windowUpdates: Rate;
  /** DATA frames cut below {@linkcode smallFrameBytes} because the peer opens its windows by crumbs. */
  crumbs: Rate;
  /** From our SETTINGS to their acknowledgement, ms. */
  settingsAckTimeoutMs: number;
  /** From a HEADERS frame to the end of its block, ms. */
  headerBlockTimeoutMs: number;
  /** A stream with data to write is reset when its peer has opened no window for this long, ms. */
  stalledWindowMs: number;
  /** A connection whose transport has taken nothing for this long is cut, ms. */
  stalledTransportMs: number;
  /** Without a stream for this long the connection is closed in good order, ms. 0 means never. */
  idleMs: number;
  /** When nothing has come for this long, the peer is asked for a sign of life by PING, ms. 0 means never. */
  keepAliveMs: number;
  /** From that PING until the connection of a peer that stays silent is cut, ms. */
  keepAliveTimeoutMs: number;
  /** After our last byte the peer has this long to close, ms. */
  lingerMs: number;
}

/** A DATA frame shorter than this, when more waits, is a crumb. Nine octets of header make it 4 % overhead. */
export const smallFrameBytes = 256;

/**
 * Defaults for peers that are strangers. The rates let an honest client do what honest clients were seen doing: cancel
 * 100 calls a second for ever and 1000 at once, measure with a PING per round trip, send a WINDOW_UPDATE per DATA frame.
 */
export const defaultLimits: Http2Limits = {
  maxConcurrentStreams: 100,
  initialWindowBytes: 256 * 1024,
  connectionWindowBytes: 1024 * 1024,
  maxFrameBytes: 16_384,
  maxHeaderListBytes: 32_768,
  maxContinuations: 8,
  maxQueuedDataBytes: 48 * 1024,
  maxQueuedBytes: 256 * 1024,
  maxQueuedControlBytes: 64 * 1024,
  resets: { perSecond: 100, burst: 1000 },
  pings: { perSecond: 500, burst: 2000 },
  settings: { perSecond: 10, burst: 100 },
  ignored: { perSecond: 500, burst: 2000 },
  emptyData: { perSecond: 50, burst: 200 },
  windowUpdates: { perSecond: 1000, burst: 5000 },
  crumbs: { perSecond: 100, burst: 1000 },
  settingsAckTimeoutMs: 10_000,
  headerBlockTimeoutMs: 10_000,
  stalledWindowMs: 60_000,
  stalledTransportMs: 60_000,
  idleMs: 0,
  keepAliveMs: 0,
  keepAliveTimeoutMs: 10_000,
  lingerMs: 1000,
};

/** Fills in the defaults. @throws RangeError for a value the protocol has no room for */
export function withDefaults(given: Partial<Http2Limits> = {}): Http2Limits {
  const limits = { ...defaultLimits, ...given };
  within("initialWindowBytes", limits.initialWindowBytes, 0, 0x7fffffff);
  within("connectionWindowBytes", limits.connectionWindowBytes, 65_535, 0x7fffffff);
  within("maxFrameBytes", limits.maxFrameBytes, 16_384, 16_777_215);
  within("maxConcurrentStreams", limits.maxConcurrentStreams, 0, 0xffffffff);
  return limits;
}

function within(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`Http2Limits.${name} must be a whole number from ${min} to ${max}, not ${value}`);
}
