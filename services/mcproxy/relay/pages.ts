/**
 * The proxy's own answers: short, plain and never from a cache, but for the pages of sign-in.
 * @module
 */

const phrases: Readonly<Record<number, string>> = {
  200: "OK",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  417: "Expectation Failed",
  421: "Misdirected Request",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

/** What is answered. */
export interface Page {
  readonly status: number;
  /** Text, with its line end. */
  readonly body: string;
  /** Beside type, length, Cache-Control and Date: name in lower case, value. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Default: plain text. */
  readonly type?: string;
  /** Default: no-store. */
  readonly cacheControl?: string;
  /** The connection, where it is the request's own, ends after it. */
  readonly closes: boolean;
}

export const plainText = "text/plain; charset=utf-8";

/** @param detail one line for whoever reads it */
export function page(status: number, detail: string): Page {
  return { status, body: `${status} ${phraseOf(status)}: ${detail}\n`, fields: [], closes: false };
}

/** The reason phrase of a status of ours. */
export function phraseOf(status: number): string {
  return phrases[status] ?? "Error";
}
