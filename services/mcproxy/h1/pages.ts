/**
 * The proxy's own answers as HTTP/1.1 writes them.
 * @module
 */
import { type Page, page as pageOf, phraseOf, plainText } from "../relay/pages.ts";
import { latin1 } from "../stream/byte_stream.ts";

const encoder = new TextEncoder();

/** `close`: the connection ends after it; `head`: it answers HEAD, so the body is left out. */
export interface PageOptions {
  close: boolean;
  head: boolean;
  date: string;
}

/** @param detail one line for whoever reads it; ASCII */
export function page(status: number, detail: string, options: PageOptions): Uint8Array {
  return writePage(pageOf(status, detail), options);
}

export function writePage(page: Page, { close, head, date }: PageOptions): Uint8Array {
  const { status, body, fields, type = plainText, cacheControl = "no-store" } = page;
  let text = `HTTP/1.1 ${status} ${phraseOf(status)}\r\n`;
  for (const [name, value] of fields) text += `${name}: ${value}\r\n`;
  const bytes = encoder.encode(body);
  text += `Content-Type: ${type}\r\nContent-Length: ${bytes.length}\r\n` +
    `Cache-Control: ${cacheControl}\r\nDate: ${date}\r\n${close ? "Connection: close\r\n" : ""}\r\n`;
  if (head) return latin1(text);
  const whole = new Uint8Array(text.length + bytes.length);
  whole.set(latin1(text));
  whole.set(bytes, text.length);
  return whole;
}
