/**
 * Reads a connection's ClientHello under limits of size and time.
 * @module
 */
import { alerts, type ClientHello, maxHelloBytes, parseClientHello } from "@lib/tls/mod.ts";
import { closeQuietly } from "../stream/close_quietly.ts";
import type { Deadlines } from "../stream/deadlines.ts";
import type { Refusal } from "../traffic/counters.ts";

export interface HelloLimits {
  /** At most `maxHelloBytes` of lib/tls. */
  helloBytes: number;
  helloMs: number;
}

/** `bytes` are all that was read, the hello first. */
export type HelloOutcome =
  | { kind: "hello"; hello: ClientHello; bytes: Uint8Array }
  | { kind: "refused"; reason: Refusal; alert: number | null; bytes: Uint8Array };

const nothing = new Uint8Array();
/** The first read's size: a usual hello is 0.2–2 KiB. */
const firstBytes = 4096;

/**
 * Never rejects; what goes wrong is a refusal. The connection is left open, but for a hello that took too long.
 * @param peeked of the connection, read already
 */
export async function readHello(
  conn: Deno.Conn,
  limits: HelloLimits,
  deadlines: Deadlines,
  peeked: Uint8Array = nothing,
): Promise<HelloOutcome> {
  // Behind a PROXY header more may have come than a hello may have; the bound is for what is read here.
  const maxBytes = Math.max(Math.min(limits.helloBytes, maxHelloBytes), peeked.length);
  let buffer = new Uint8Array(Math.max(Math.min(firstBytes, maxBytes), peeked.length));
  buffer.set(peeked);
  let length = peeked.length;
  let late = false;
  const deadline = deadlines.open(() => {
    late = true;
    // Ends the read that is under way.
    closeQuietly(conn);
  });
  deadline.set(limits.helloMs);
  const refused = (reason: Refusal, alert: number | null): HelloOutcome => ({
    kind: "refused",
    reason,
    alert,
    bytes: buffer.subarray(0, length),
  });
  try {
    for (let hasNew = length > 0;; hasNew = false) {
      if (!hasNew) {
        const count = await conn.read(buffer.subarray(length));
        if (late) return refused("hello_timeout", null);
        if (count === null) return refused("closed_early", null);
        length += count;
      }
      const bytes = buffer.subarray(0, length);
      const result = parseClientHello(bytes);
      if (result.kind === "hello") return { kind: "hello", hello: result.hello, bytes };
      if (result.kind === "refused") {
        // No alert: these bytes are not TLS. lib/tls names the hello only when its size is what is wrong.
        if (result.alert === null) return refused("not_tls", null);
        return refused(result.reason.startsWith("ClientHello") ? "hello_too_large" : "malformed_hello", result.alert);
      }
      if (length === maxBytes) return refused("hello_too_large", alerts.decodeError);
      if (length === buffer.length) {
        const larger = new Uint8Array(Math.min(2 * buffer.length, maxBytes));
        larger.set(buffer);
        buffer = larger;
      }
    }
  } catch {
    return refused(late ? "hello_timeout" : "closed_early", null);
  } finally {
    deadline.close();
  }
}
