/**
 * What a route answers by itself, without a backend.
 * @module
 */
import type { Route } from "../domain/route.ts";
import type { Redirect } from "../domain/route_http.ts";
import type { RequestHead } from "./message.ts";
import { type Page, page } from "./pages.ts";

/** Maintenance takes minutes; a client that comes back each time costs nothing. Seconds. */
const retryAfterSeconds = "60";

/** A guard's word on a request that isn't let through. */
export interface Refusal {
  readonly status: 403 | 429;
  /** Id of the rule; the operator's business, not the client's. */
  readonly rule: string;
  /** When it may be tried again; 0 when waiting doesn't help. */
  readonly retryAfterSeconds: number;
}

export function refusalPage({ status, retryAfterSeconds }: Refusal): Page {
  const answer = page(status, status === 429 ? "too many requests" : "not allowed");
  // RFC 6585 §4, RFC 9110 §10.2.3: whole seconds.
  const wait = String(Math.ceil(retryAfterSeconds));
  return retryAfterSeconds > 0 ? { ...answer, fields: [["retry-after", wait]] } : answer;
}

/** The answer to a request that needs no backend, or must not reach one; null when a backend is to answer. */
export function ownAnswer(
  route: Pick<Route, "maintenance" | "redirect" | "maxBodyBytes">,
  request: RequestHead,
): Page | null {
  if (route.maintenance !== "") return maintenancePage(route.maintenance);
  if (route.redirect !== null) return redirectPage(route.redirect, request);
  const { length } = request;
  if (route.maxBodyBytes > 0 && length.kind === "length" && length.bytes > route.maxBodyBytes) {
    return page(413, tooLarge(route.maxBodyBytes));
  }
  return null;
}

/** The reason of a 413. */
export function tooLarge(maxBytes: number): string {
  return `the request's body is larger than ${maxBytes} bytes`;
}

function maintenancePage(text: string): Page {
  const body = text.endsWith("\n") ? text : `${text}\n`;
  return { status: 503, body, fields: [["retry-after", retryAfterSeconds]], closes: false };
}

function redirectPage({ status, to }: Redirect, request: RequestHead): Page {
  const uri = request.target === "*" ? "/" : request.target;
  // Functions: in a text that replaces, "$&" and "$$" would mean something, and both may stand in a URI.
  const location = to.replaceAll("{host}", () => request.host).replaceAll("{uri}", () => uri);
  // "//evil.test" as a path would name another host to a browser (RFC 3986 §4.2), and so would "/\evil.test".
  const safe = /^[/\\]/.test(location) ? location.replace(/^[/\\]+/, "/") : location;
  return { ...page(status, safe), fields: [["location", safe]] };
}
