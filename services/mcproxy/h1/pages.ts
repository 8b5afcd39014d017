/**
 * The proxy's own answers: short, plain, never from a cache.
 * @module
 */
import { latin1 } from "../stream/byte_stream.ts";

const phrases: Readonly<Record<number, string>> = {
  400: "Bad Request",
  408: "Request Timeout",
  413: "Content Too Large",
  417: "Expectation Failed",
  421: "Misdirected Request",
  431: "Request Header Fields Too Large",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

/**
 * @param detail one line for whoever reads it; ASCII
 * @param options `close`: the connection ends after it; `head`: it answers HEAD, so the body is left out
 */
export function page(
  status: number,
  detail: string,
  options: { close: boolean; head: boolean; date: string },
): Uint8Array {
  const phrase = phrases[status] ?? "Error";
  const body = `${status} ${phrase}: ${detail}\n`;
  return latin1(
    `HTTP/1.1 ${status} ${phrase}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\n` +
      `Cache-Control: no-store\r\nDate: ${options.date}\r\n${options.close ? "Connection: close\r\n" : ""}\r\n` +
      (options.head ? "" : body),
  );
}
