/**
 * DNS over HTTPS (RFC 8484), a route of the REST listener: `GET /dns-query?dns=<base64url>` and
 * `POST /dns-query` with the message as body.
 *
 * | request                                      | response                                                |
 * | -------------------------------------------- | ------------------------------------------------------- |
 * | a query                                      | 200 with the reply, whatever its rcode; GET may be kept |
 * | no `dns`, not base64url, not a DNS query     | 400                                                     |
 * | another method                               | 405                                                     |
 * | a body of more than 65,535 octets            | 413                                                     |
 * | a body that isn't `application/dns-message`  | 415                                                     |
 * | a zone transfer: many messages               | 501                                                     |
 */
import { invalid, tooLarge } from "@lib/errors/mod.ts";
import { maxMessageOctets, rcodes, types } from "../codes.ts";
import { readMessage } from "../message.ts";
import type { Client, Responder } from "./responder.ts";

const path = "/dns-query";
const mediaType = "application/dns-message";

/** Answers what is for it; null leaves the request to other routes. Throws PlatformError for 400 and 413. */
export function dohRoute(
  answers: Responder,
): (request: Request, info: { remote: string }) => Promise<Response | null> {
  // A reply that is there at once leaves it before anything is awaited.
  const scratch = new Uint8Array(maxMessageOctets);

  /** Empty for no reply. Null: not one message. */
  const ask = async (packet: Uint8Array, client: Client): Promise<Uint8Array<ArrayBuffer> | null> => {
    const reply = answers.answer(packet, client, scratch);
    if (typeof reply === "number") return scratch.slice(0, reply);
    if (reply instanceof Promise) return Uint8Array.from(await reply);
    // Ends it at its source.
    await reply[Symbol.asyncIterator]().return?.();
    return null;
  };

  return async (request, { remote }) => {
    const url = new URL(request.url);
    if (url.pathname !== path) return null;
    const refused = checked(request);
    if (refused !== null) return refused;
    const isPost = request.method === "POST";
    const packet = isPost ? await bodyOf(request) : queryOf(url);
    const reply = await ask(packet, { address: remote, port: 0, transport: "https" });
    if (reply === null) return problem(request, 501, "Not implemented", "a zone transfer needs TCP or TLS");
    // What gets no reply over UDP is too broken for one.
    if (reply.length === 0) throw invalid(isPost ? "body" : "dns", "must be a DNS query (RFC 1035 §4)");
    return new Response(reply, {
      headers: {
        "content-type": mediaType,
        "content-length": String(reply.length),
        "cache-control": isPost ? "no-store" : lifetimeOf(reply),
      },
    });
  };
}

function checked(request: Request): Response | null {
  switch (request.method) {
    case "GET":
    case "HEAD":
      return null;
    case "POST": {
      const sent = request.headers.get("content-type") ?? "none";
      if (sent.split(";", 1)[0]!.trim().toLowerCase() === mediaType) return null;
      return problem(request, 415, "Unsupported media type", `content-type must be ${mediaType}, got ${sent}`);
    }
    default:
      return problem(request, 405, "Method not allowed", "use GET or POST", { allow: "GET, HEAD, POST" });
  }
}

function queryOf(url: URL): Uint8Array {
  const text = url.searchParams.get("dns");
  if (text === null) throw invalid("dns", `is missing: ${path}?dns=<the query in base64url>`);
  // RFC 8484 §6: no padding.
  if (!/^[\w-]*$/.test(text)) throw invalid("dns", "must be base64url without padding (RFC 4648 §5)");
  try {
    return Uint8Array.fromBase64(text, { alphabet: "base64url" });
  } catch {
    throw invalid("dns", "must be base64url without padding (RFC 4648 §5)");
  }
}

async function bodyOf(request: Request): Promise<Uint8Array> {
  const tooLong = () => tooLarge("A DNS message", maxMessageOctets);
  if (Number(request.headers.get("content-length") ?? 0) > maxMessageOctets) throw tooLong();
  const octets: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > maxMessageOctets) throw tooLong();
    octets.push(chunk);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of octets) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** RFC 8484 §5.1: no longer than the smallest TTL; of a denial, the TTL of its SOA (RFC 2308 §5). */
function lifetimeOf(reply: Uint8Array): string {
  const message = readMessage(reply);
  if (message === null || (message.rcode !== rcodes.NOERROR && message.rcode !== rcodes.NXDOMAIN)) return "no-store";
  const { answers, authorities } = message;
  const counted = [...answers, ...authorities.filter(({ type }) => type === types.SOA)];
  if (counted.length === 0) return "no-store";
  return `max-age=${Math.min(...counted.map(({ ttlSeconds }) => ttlSeconds))}`;
}

/** RFC 9457, for the statuses that no PlatformError has. */
function problem(
  request: Request,
  status: number,
  title: string,
  detail: string,
  headers: Record<string, string> = {},
): Response {
  const requestId = request.headers.get("x-request-id") ?? "";
  const body = { type: "about:blank", title, status, detail, code: "invalid", request_id: requestId };
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/problem+json", "cache-control": "no-store", ...headers },
  });
}
