/**
 * What travels beside an error's status. The gRPC status code is the one of
 * lib/errors' table; several of our codes share one, so the exact code and the
 * facts beside the message have a trailer of their own, which other clients ignore.
 */
import { type ErrorCode, type ErrorFacts, errorTable, type PlatformError } from "@lib/errors/mod.ts";

/** JSON in UTF-8: code, field, rule, hint, retry_after_seconds. Binary, because hints may hold any character. */
export const errorTrailer = "metacircular-error-bin";

/** Peers refuse header blocks above 8 to 16 KiB. */
const maxFactLength = 500;

interface WireFacts {
  code: ErrorCode;
  field?: string;
  rule?: string;
  hint?: string;
  retry_after_seconds?: number;
}

/** The trailer's octets. */
export function writeFacts(error: PlatformError): Uint8Array<ArrayBuffer> {
  const facts: WireFacts = {
    code: error.code,
    ...(error.field === undefined ? {} : { field: cut(error.field, maxFactLength) }),
    ...(error.rule === undefined ? {} : { rule: cut(error.rule, maxFactLength) }),
    ...(error.hint === undefined ? {} : { hint: cut(error.hint, maxFactLength) }),
    ...(error.retryAfterSeconds === undefined ? {} : { retry_after_seconds: error.retryAfterSeconds }),
  };
  return new TextEncoder().encode(JSON.stringify(facts));
}

/** The trailer's content; null when it isn't one of ours. */
export function readFacts(bytes: Uint8Array): { code: ErrorCode; facts: ErrorFacts } | null {
  let sent: Partial<WireFacts>;
  try {
    sent = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
  if (typeof sent.code !== "string" || !Object.hasOwn(errorTable, sent.code)) return null;
  return {
    code: sent.code,
    facts: {
      ...(sent.field === undefined ? {} : { field: sent.field }),
      ...(sent.rule === undefined ? {} : { rule: sent.rule }),
      ...(sent.hint === undefined ? {} : { hint: sent.hint }),
      ...(sent.retry_after_seconds === undefined ? {} : { retryAfterSeconds: sent.retry_after_seconds }),
    },
  };
}

/** The text, its end replaced by "…" where it is longer. */
export const cut = (text: string, length: number): string =>
  text.length > length ? text.slice(0, length - 1) + "…" : text;
