/**
 * Why a connection ended badly, in words few enough for a metric's label.
 * @module
 */
import { ConnectionError, errorCodes } from "./errors.ts";
import type { FloodKind } from "./flood_guard.ts";

/**
 * `protocol` is a breach of RFC 9113 by the peer, `peer` a GOAWAY with an error from it, `transport` a connection that
 * broke with streams open, `internal` a fault of ours; the others are limits of `limits.ts`.
 */
export type Http2Fault =
  | "protocol"
  | "peer"
  | "transport"
  | "internal"
  | "reset_flood"
  | "ping_flood"
  | "settings_flood"
  | "ignored_frame_flood"
  | "empty_data_flood"
  | "window_update_flood"
  | "window_crumbs"
  | "control_queue"
  | "continuation_flood"
  | "hpack_bomb"
  | "settings_timeout"
  | "header_block_timeout"
  | "stalled_transport"
  | "silent_peer";

/** The fault of each bucket running dry. */
export const floodFaults: Readonly<Record<FloodKind, Http2Fault>> = {
  resets: "reset_flood",
  pings: "ping_flood",
  settings: "settings_flood",
  ignored: "ignored_frame_flood",
  emptyData: "empty_data_flood",
  windowUpdates: "window_update_flood",
  crumbs: "window_crumbs",
};

/** A limit was passed: the connection ends with ENHANCE_YOUR_CALM unless another code fits better. */
export class LimitPassed extends ConnectionError {
  override readonly name = "LimitPassed";
  constructor(readonly fault: Http2Fault, message: string, code: number = errorCodes.enhanceYourCalm) {
    super(code, message);
  }
}

/** What to count an error as. */
export function faultOf(error: ConnectionError): Http2Fault {
  if (error instanceof LimitPassed) return error.fault;
  return error.code === errorCodes.internalError ? "internal" : "protocol";
}
