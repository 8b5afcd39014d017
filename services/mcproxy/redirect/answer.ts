/**
 * Answers of the plain HTTP port, as HTTP/1.1 writes them: short, plain, never from a cache.
 * @module
 */
import { latin1 } from "../stream/byte_stream.ts";

const phrases: Readonly<Record<number, string>> = {
  200: "OK",
  301: "Moved Permanently",
  308: "Permanent Redirect",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  408: "Request Timeout",
  413: "Content Too Large",
  417: "Expectation Failed",
  421: "Misdirected Request",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  501: "Not Implemented",
  505: "HTTP Version Not Supported",
};

export interface Answer {
  readonly status: number;
  /** ASCII. */
  readonly body: string;
  /** Beside those that every answer has. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** @param detail one line for whoever reads it; ASCII */
export function answer(status: number, detail: string, fields: Answer["fields"] = []): Answer {
  return { status, body: `${status} ${phrases[status]}: ${detail}\n`, fields };
}

/** `close`: the connection ends after it; `head`: it answers HEAD, so the body is left out. */
export function writeAnswer(
  { status, body, fields }: Answer,
  { close, head, date }: { close: boolean; head: boolean; date: string },
): Uint8Array {
  let text = `HTTP/1.1 ${status} ${phrases[status]}\r\n`;
  for (const [name, value] of fields) text += `${name}: ${value}\r\n`;
  return latin1(
    `${text}Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\nCache-Control: no-store\r\n` +
      `Date: ${date}\r\n${close ? "Connection: close\r\n" : ""}\r\n${head ? "" : body}`,
  );
}
