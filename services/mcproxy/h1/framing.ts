/**
 * Where a message's body ends (RFC 9112 §6).
 * @module
 */
import { HttpFault } from "../relay/fault.ts";
import { type BodyLength, noBody, streamedBody } from "../relay/message.ts";
import type { Head } from "./head.ts";

/** `length` 0 is written `none`; `until_close` is for responses only. */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until_close" };

const none: Framing = { kind: "none" };
const chunked: Framing = { kind: "chunked" };

/** What the framing says beyond this connection. */
export function lengthOf(framing: Framing): BodyLength {
  return framing.kind === "length" ? framing : framing.kind === "none" ? noBody : streamedBody;
}

/** @throws HttpFault for every shape that two readers could frame differently */
export function requestFraming(head: Head, minor: number): Framing {
  return framing(head, minor) ?? none;
}

/**
 * @param method of the request that it answers
 * @throws HttpFault when the response's framing is ambiguous; its status is of no meaning here
 */
export function responseFraming(head: Head, minor: number, status: number, method: string): Framing {
  const declared = framing(head, minor);
  // RFC 9112 §6.3 rules 1 and 2: these have no body whatever their fields say.
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return none;
  return declared ?? { kind: "until_close" };
}

function framing(head: Head, minor: number): Framing | null {
  let length: string | null = null;
  let coding: string | null = null;
  for (let index = 0; index < head.names.length; index++) {
    const name = head.names[index]!;
    if (name === "content-length") {
      // RFC 9112 §6.3 lets a recipient keep one of several equal values; refusing is the safer choice it also lets.
      if (length !== null) throw new HttpFault(400, "more than one Content-Length");
      length = head.values[index]!;
    } else if (name === "transfer-encoding") {
      if (coding !== null) throw new HttpFault(400, "more than one Transfer-Encoding");
      coding = head.values[index]!.toLowerCase();
    } else if (name === "content_length" || name === "transfer_encoding") {
      // CGI-like servers read "_" as "-" (RFC 3875 §4.1.18 folds both).
      throw new HttpFault(400, `field name ${name}`);
    }
  }
  if (coding !== null) {
    // RFC 9112 §6.1 and §6.3 rule 3: the two together "ought to be handled as an error".
    if (length !== null) throw new HttpFault(400, "both Transfer-Encoding and Content-Length");
    if (minor === 0) throw new HttpFault(400, "Transfer-Encoding in HTTP/1.0");
    if (coding === "chunked") return chunked;
    const codings = coding.split(",").map((one) => one.trim());
    if (codings.at(-1) !== "chunked" || codings.indexOf("chunked") !== codings.length - 1) {
      throw new HttpFault(400, "Transfer-Encoding that doesn't end in one chunked");
    }
    throw new HttpFault(501, "transfer coding other than chunked");
  }
  if (length === null) return null;
  // 15 digits: any real length, and exact as a number.
  if (!/^\d{1,15}$/.test(length)) throw new HttpFault(400, "Content-Length that is not a number");
  const bytes = Number(length);
  return bytes === 0 ? none : { kind: "length", bytes };
}
