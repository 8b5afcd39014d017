/**
 * The key exchange of WebSocket's opening handshake (RFC 6455 §4.1), which HTTP/2 leaves out (RFC 8441 §5).
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash, randomBytes } from "node:crypto";
import { fieldValue } from "../relay/fields.ts";
import type { Fields } from "../relay/message.ts";

export interface OfferedKey {
  /** To be sent beside the client's fields; "" when the client has sent one itself. */
  readonly added: string;
  /** Whether a response answers the key that was added; the client checks its own. */
  accepts(response: Fields): boolean;
}

/** @param request the client's fields */
export function offeredKey(request: Fields): OfferedKey {
  if (fieldValue(request, "sec-websocket-key") !== null) return { added: "", accepts: () => true };
  const added = Buffer.from(randomBytes(16)).toString("base64");
  const expected = acceptOf(added);
  return { added, accepts: (response) => fieldValue(response, "sec-websocket-accept") === expected };
}

/** The answer that proves that the key was read (RFC 6455 §4.2.2; §1.3 gives the constant). */
export function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}
