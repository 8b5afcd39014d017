/**
 * Pages of lists. A page token is opaque to callers; inside it is the last key of
 * the page before, so that a page costs the same wherever it is, and rows added or
 * removed meanwhile neither repeat nor hide others.
 */
import { invalid, quote } from "@lib/errors/mod.ts";

/** What a store needs to fetch one page: ask for `limit + 1` rows whose key is greater than `after`. */
export interface Page {
  limit: number;
  /** Null on the first page. */
  after: string | null;
}

export interface PageLimits {
  /** Larger wishes are cut down to it. Default 1000. */
  max?: number;
  /** When the caller asks for 0. Default 100. */
  default?: number;
}

const prefix = "1:";

/** Reads a list request's paging fields. Throws `invalid` with field `page_token` for a token this service did not make. */
export function parsePage(request: { pageSize: number; pageToken: string }, limits: PageLimits = {}): Page {
  const { max = 1000, default: fallback = 100 } = limits;
  const limit = Math.min(request.pageSize === 0 ? fallback : request.pageSize, max);
  return { limit, after: request.pageToken === "" ? null : decode(request.pageToken) };
}

/** The token of the page after the row with this key; "" (the last page) for null or undefined. */
export function nextPageToken(lastKey: string | number | bigint | null | undefined): string {
  if (lastKey === null || lastKey === undefined) return "";
  const bytes = new TextEncoder().encode(prefix + String(lastKey));
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Cuts `limit + 1` fetched rows to the page and says how to get the next. */
export function pageOf<T>(
  rows: T[],
  page: Page,
  keyOf: (row: T) => string | number | bigint,
): { items: T[]; nextPageToken: string } {
  const items = rows.slice(0, page.limit);
  const last = items.at(-1);
  return { items, nextPageToken: rows.length > page.limit && last !== undefined ? nextPageToken(keyOf(last)) : "" };
}

function decode(token: string): string {
  try {
    const bytes = Uint8Array.fromBase64(token, { alphabet: "base64url" });
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (text.startsWith(prefix)) return text.slice(prefix.length);
  } catch {
    // Falls through to the one answer for every malformed token.
  }
  throw invalid("page_token", `not a token of this list: ${quote(token)}; start again without it`);
}
