/**
 * Writes a fetch-style Response to a node response, as fast as the client takes it.
 * @module
 */
import type { ServerResponse } from "node:http";
import type { WaitWatch } from "./message_body.ts";

/** How the response went. */
export interface Written {
  /** Body bytes handed to the connection. */
  bytes: number;
  /** False when the client went away first. */
  whole: boolean;
}

/** Statuses whose responses have no body (RFC 9110 §6.4.1). */
const bodiless = new Set([204, 205, 304]);

/**
 * Sends head and body; resolves when the last byte is with the connection, or the client is gone (the body is then cancelled).
 * @throws what the body stream throws, after cutting the connection: a truncated body must not look whole
 */
export async function writeResponse(
  response: Response,
  head: { method: string; headers: Headers },
  out: ServerResponse,
  watch: WaitWatch,
): Promise<Written> {
  const { headers } = head;
  const body = response.body;
  if (body === null || head.method === "HEAD" || bodiless.has(response.status)) {
    await body?.cancel();
    if (body === null && head.method !== "HEAD" && !bodiless.has(response.status)) headers.set("content-length", "0");
    out.writeHead(response.status, nodeHeaders(headers));
    out.end();
    return { bytes: 0, whole: await finished(out) };
  }
  const reader = body.getReader();
  let bytes = 0;
  try {
    let next = reader.read();
    let chunk = await next;
    if (!headers.has("content-length") && !chunk.done) {
      // A body of one chunk ends within the turn: then its length is known and chunked framing isn't needed.
      next = reader.read();
      const second = await Promise.race([next, turn()]);
      if (second?.done) {
        headers.set("content-length", String(chunk.value.byteLength));
        out.writeHead(response.status, nodeHeaders(headers));
        out.end(chunk.value);
        return { bytes: chunk.value.byteLength, whole: await finished(out) };
      }
      out.writeHead(response.status, nodeHeaders(headers));
      bytes += chunk.value.byteLength;
      if (!out.write(chunk.value) && !await drained(out, watch)) return await gone(reader, bytes);
      chunk = await next;
    } else {
      if (chunk.done && !headers.has("content-length")) headers.set("content-length", "0");
      out.writeHead(response.status, nodeHeaders(headers));
    }
    while (!chunk.done) {
      bytes += chunk.value.byteLength;
      if (out.destroyed || (!out.write(chunk.value) && !await drained(out, watch))) return await gone(reader, bytes);
      chunk = await reader.read();
    }
    out.end();
    return { bytes, whole: await finished(out) };
  } catch (error) {
    if (out.headersSent) out.destroy();
    reader.cancel(error).catch(() => {});
    throw error;
  }
}

/** Cookies may come several times; every other header is one line. */
function nodeHeaders(headers: Headers): Record<string, string | string[]> {
  const lines: Record<string, string | string[]> = {};
  for (const [name, value] of headers) if (name !== "set-cookie") lines[name] = value;
  const cookies = headers.getSetCookie();
  if (cookies.length > 0) lines["set-cookie"] = cookies;
  return lines;
}

/** False when the client goes away before it has taken what waits. */
function drained(out: ServerResponse, watch: WaitWatch): Promise<boolean> {
  if (out.destroyed) return Promise.resolve(false);
  watch.waiting();
  return new Promise((resolve) => {
    const settle = (ok: boolean) => {
      out.removeListener("drain", drain);
      out.removeListener("close", close);
      watch.moving();
      resolve(ok);
    };
    const drain = () => settle(true);
    const close = () => settle(false);
    out.on("drain", drain);
    out.on("close", close);
  });
}

function finished(out: ServerResponse): Promise<boolean> {
  if (out.writableFinished) return Promise.resolve(true);
  if (out.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    out.once("finish", () => resolve(true));
    out.once("close", () => resolve(out.writableFinished));
  });
}

async function gone(reader: ReadableStreamDefaultReader<Uint8Array>, bytes: number): Promise<Written> {
  await reader.cancel(new DOMException("The client closed the connection", "AbortError")).catch(() => {});
  return { bytes, whole: false };
}

function turn(): Promise<null> {
  return new Promise((resolve) => setImmediate(() => resolve(null)));
}
