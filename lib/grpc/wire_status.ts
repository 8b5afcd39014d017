/**
 * How a server says what became of a call: status code, message and trailers
 * (PROTOCOL-HTTP2.md of gRPC, "Responses").
 */
import { Buffer } from "node:buffer";
import { type ErrorCode, errorTable, PlatformError } from "@lib/errors/mod.ts";
import type { FieldList } from "@lib/http2/mod.ts";
import { cut, errorTrailer, writeFacts } from "./error_facts.ts";

/** The codes that the server itself gives, by statuscodes.md of gRPC. */
export const statusCodes = {
  ok: 0,
  deadlineExceeded: 4,
  notFound: 5,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
} as const;

/** The end of a call. */
export interface WireStatus {
  readonly code: number;
  /** Any text; "" for none. */
  readonly message: string;
  /** More trailers; names lower case, values as they travel. */
  readonly fields: FieldList;
}

export const okStatus: WireStatus = { code: statusCodes.ok, message: "", fields: [] };

/** The caller broke the rules of gRPC, not those of an operation: no defect, and nothing that lib/errors has a code for. */
export class WireFault extends Error {
  override readonly name = "WireFault";
  readonly status: WireStatus;

  /** @param shownAs what observers and logs are told */
  constructor(code: number, message: string, readonly shownAs: ErrorCode = "invalid", fields: FieldList = []) {
    super(message);
    this.status = { code, message, fields };
  }

  /** For observers. */
  get platformError(): PlatformError {
    return new PlatformError(this.shownAs, this.message);
  }
}

/** The error as a gRPC status with our trailer. The message of an internal one stays inside. */
export function wireStatus(error: PlatformError): WireStatus {
  const message = error.code === "internal"
    ? "Internal error; the service's log has the details under this request id"
    : error.message;
  return { code: errorTable[error.code].grpc, message, fields: [errorTrailer, binaryField(writeFacts(error))] };
}

/** A value of a field whose name ends in -bin. Peers take it with padding and without; it should be sent without. */
export function binaryField(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64").replace(/=+$/, "");
}

// It is percent-encoded, up to threefold, and header blocks above 8 to 16 KiB are refused.
const maxMessageLength = 2000;

/** The status as trailers. */
export function statusFields({ code, message, fields }: WireStatus): string[] {
  const list = ["grpc-status", String(code)];
  if (message !== "") list.push("grpc-message", percentEncoded(cut(message, maxMessageLength)));
  list.push(...fields);
  return list;
}

const plain = /^[\x21-\x24\x26-\x7e](?:[\x20-\x24\x26-\x7e]*[\x21-\x24\x26-\x7e])?$/;

/**
 * What isn't visible ASCII, and "%", as octets of UTF-8: "ä 5 %" → "%C3%A4 5 %25". Blanks at either end too: a field's
 * value must not begin or end with one (RFC 9113 §8.2.1).
 */
export function percentEncoded(message: string): string {
  if (plain.test(message)) return message;
  const bytes = new TextEncoder().encode(message);
  let text = "";
  bytes.forEach((octet, at) => {
    const atAnEnd = at === 0 || at === bytes.length - 1;
    const asItIs = octet > 0x20 && octet < 0x7f && octet !== 0x25 || octet === 0x20 && !atAnEnd;
    text += asItIs ? String.fromCharCode(octet) : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;
  });
  return text;
}
