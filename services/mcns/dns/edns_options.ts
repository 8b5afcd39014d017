/** The options that a reply's OPT record carries (RFC 6891 §6.1.2). */
import { ednsOptions } from "./codes.ts";

/** Why an answer is as it is, beyond its rcode (RFC 8914). */
export interface ExtendedError {
  readonly code: number;
  /** For people, ASCII. */
  readonly text: string;
}

/** Octets that a padded reply is a multiple of (RFC 8467 §4.1). */
const paddingBlock = 468;

/** Octets before an option's data: code and length. */
const optionHeader = 4;

/** What goes into a reply. Reused: `clear` it before each. */
export class ReplyOptions {
  /** The client's and the server's part, 24 octets (RFC 9018 §3); null for none. */
  cookie: Uint8Array | null = null;
  nsid: Uint8Array | null = null;
  /** How long an idle connection stays, in units of 100 ms (RFC 7828 §3.1); -1 for none. */
  keepalive = -1;
  error: ExtendedError | null = null;
  padded = false;

  clear(): void {
    this.cookie = this.nsid = this.error = null;
    this.keepalive = -1;
    this.padded = false;
  }

  /** Octets to keep free for what the client asked for. An extended error goes in where there is room. */
  get reserved(): number {
    return (this.cookie === null ? 0 : optionHeader + this.cookie.length) +
      (this.nsid === null ? 0 : optionHeader + this.nsid.length) + (this.keepalive < 0 ? 0 : optionHeader + 2);
  }

  /** Writes the options at `at`, which is in the OPT record, the message's last; returns where they end. */
  write(out: Uint8Array, at: number, limit: number): number {
    if (this.nsid !== null) at = put(out, at, ednsOptions.NSID, this.nsid);
    if (this.cookie !== null) at = put(out, at, ednsOptions.COOKIE, this.cookie);
    if (this.keepalive >= 0) {
      at = putHeader(out, at, ednsOptions.KEEPALIVE, 2);
      out[at++] = this.keepalive >> 8;
      out[at++] = this.keepalive;
    }
    if (this.error !== null) at = putError(out, at, limit, this.error);
    if (this.padded && at + optionHeader <= limit) {
      const wanted = Math.ceil((at + optionHeader) / paddingBlock) * paddingBlock;
      const octets = Math.min(wanted, limit) - at - optionHeader;
      at = putHeader(out, at, ednsOptions.PADDING, octets);
      out.fill(0, at, at + octets);
      at += octets;
    }
    return at;
  }
}

/** The error with its text, where that fits; else the code alone; else nothing. */
function putError(out: Uint8Array, at: number, limit: number, { code, text }: ExtendedError): number {
  const withText = at + optionHeader + 2 + text.length <= limit;
  if (!withText && at + optionHeader + 2 > limit) return at;
  at = putHeader(out, at, ednsOptions.EXTENDED_ERROR, 2 + (withText ? text.length : 0));
  out[at++] = code >> 8;
  out[at++] = code;
  if (withText) { for (let i = 0; i < text.length; i++) out[at++] = text.charCodeAt(i); }
  return at;
}

function put(out: Uint8Array, at: number, code: number, data: Uint8Array): number {
  at = putHeader(out, at, code, data.length);
  out.set(data, at);
  return at + data.length;
}

function putHeader(out: Uint8Array, at: number, code: number, octets: number): number {
  out[at] = code >> 8;
  out[at + 1] = code;
  out[at + 2] = octets >> 8;
  out[at + 3] = octets;
  return at + optionHeader;
}
