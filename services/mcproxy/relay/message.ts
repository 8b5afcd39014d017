/**
 * Requests and responses as the relay knows them, whatever protocol they came in and leave by.
 * @module
 */

import type { Visitor } from "../domain/sign_in.ts";

/** Field lines in the order received: `names` in lower case, `shown` as sent, `values` without surrounding blanks. */
export interface Fields {
  readonly names: readonly string[];
  readonly shown: readonly string[];
  readonly values: readonly string[];
}

/** How long a body is: a `stream` tells its end when it is there. A `length` is at least 1. */
export type BodyLength =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "stream" };

/** A checked request: for this connection's name, framed beyond doubt. */
export interface RequestHead {
  readonly method: string;
  /** Origin form ("/a?b") or "*". */
  readonly target: string;
  /** As the client wrote it, with its port if it gave one. */
  readonly host: string;
  /** What the client spoke, as Via says it (RFC 9110 §7.6.3). */
  readonly version: "1.0" | "1.1" | "2.0";
  readonly length: BodyLength;
  /** The client waits for 100 (Continue) before it sends the body. */
  readonly expectsContinue: boolean;
  /** The client takes trailers (TE: trailers). */
  readonly takesTrailers: boolean;
  /** The client asks for a WebSocket; other protocols are never asked for (h2c would tunnel past every check). */
  readonly webSocket: boolean;
  /** Names in Connection: dropped, hop by hop (RFC 9110 §7.6.1). */
  readonly connectionNames: ReadonlySet<string>;
  readonly fields: Fields;
  /** Names whose values no compression table may hold (RFC 7541 §7.1.3); null for none. */
  readonly neverIndexed: ReadonlySet<string> | null;
  /** Who has signed in to send it, which the backend is told; null on routes that don't ask. */
  readonly visitor: Visitor | null;
}

/** A backend's response. */
export interface ResponseHead {
  readonly status: number;
  /** "" where the protocol has none. */
  readonly reason: string;
  readonly length: BodyLength;
  readonly connectionNames: ReadonlySet<string>;
  readonly fields: Fields;
  readonly neverIndexed: ReadonlySet<string> | null;
}

export const noBody: BodyLength = { kind: "none" };
export const streamedBody: BodyLength = { kind: "stream" };
export const noNames: ReadonlySet<string> = new Set();
export const noFields: Fields = { names: [], shown: [], values: [] };

const idempotent = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** RFC 9110 §9.2.2: may be sent again when a connection broke, as long as no body went with it. */
export function isRepeatable(request: RequestHead): boolean {
  return request.length.kind === "none" && !request.webSocket && idempotent.has(request.method);
}

/** Another head follows. */
export function isInterim({ status }: ResponseHead): boolean {
  return status < 200 && status !== 101;
}

export function isGrpc({ fields: { names, values } }: RequestHead): boolean {
  const at = names.indexOf("content-type");
  return at >= 0 && values[at]!.startsWith("application/grpc");
}
