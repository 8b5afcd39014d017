/**
 * Reads the first flight of a TLS client (RFC 8446 §4.1.2) far enough to know
 * the asked name, the protocols and whether TLS 1.3 is offered. It never
 * throws and looks at no byte beyond the first handshake message.
 * @module
 */

/** What a ClientHello says. */
export interface ClientHello {
  /** server_name in lower case, or null when the client sent none (RFC 6066 §3). */
  serverName: string | null;
  /** ALPN protocols in the client's order (RFC 7301). */
  alpn: string[];
  /** True when supported_versions names TLS 1.3 (RFC 8446 §4.2.1). */
  offersTls13: boolean;
}

/**
 * `hello`: whole and well formed. `incomplete`: read more and call again with
 * all bytes so far. `refused`: close, after sending `alert` when it is not null
 * (null: these bytes are not TLS, an alert would mean nothing to the sender).
 */
export type HelloResult =
  | { kind: "hello"; hello: ClientHello }
  | { kind: "incomplete" }
  | { kind: "refused"; reason: string; alert: number | null };

/** Alert descriptions (RFC 8446 §6). */
export const alerts = {
  unexpectedMessage: 10,
  recordOverflow: 22,
  handshakeFailure: 40,
  decodeError: 50,
  protocolVersion: 70,
  internalError: 80,
  unrecognizedName: 112,
} as const;

/**
 * Longest ClientHello that is read, in bytes. Real ones take 0.2–2 KB (post-quantum key shares included); 32 KiB
 * leaves a factor of 16 and bounds what an unauthenticated peer can make us hold.
 */
export const maxHelloBytes = 32 * 1024;

/**
 * Most records that a ClientHello may be cut into. Clients that cut it to hide the name use 2–10; without a limit a
 * peer could make us walk thousands of one-byte records again at each byte it sends.
 */
const maxHelloRecords = 64;

const recordHandshake = 22;
const recordHeaderBytes = 5;
/** RFC 8446 §5.1: a plaintext record carries at most 2^14 bytes. */
const maxRecordBytes = 16384;
const messageClientHello = 1;
const extensionServerName = 0;
const extensionAlpn = 16;
const extensionSupportedVersions = 43;

/** A fatal alert as a record on the wire (RFC 8446 §6). */
export function alertRecord(description: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array([21, 3, 3, 0, 2, 2, description]);
}

/** Parses all bytes received so far; see {@linkcode HelloResult}. */
export function parseClientHello(bytes: Uint8Array): HelloResult {
  const message = handshakeMessage(bytes);
  if (!(message instanceof Uint8Array)) return message;
  try {
    return { kind: "hello", hello: parseBody(new Cursor(message)) };
  } catch (error) {
    if (error instanceof Truncated) return refused("malformed ClientHello", alerts.decodeError);
    throw error;
  }
}

/** Joins the handshake fragments of the leading records (RFC 8446 §5.1 allows a message to span records). */
function handshakeMessage(bytes: Uint8Array): Uint8Array | HelloResult {
  const parts: Uint8Array[] = [];
  let joined = 0;
  let wanted = -1;
  let position = 0;
  for (;;) {
    const type = bytes[position];
    if (type !== undefined && type !== recordHandshake) {
      return position === 0 ? refused("not TLS", null) : refused("not a handshake record", alerts.unexpectedMessage);
    }
    const major = bytes[position + 1];
    if (major !== undefined && major !== 3) return refused("not a TLS record", null);
    if (bytes.length - position < recordHeaderBytes) return { kind: "incomplete" };
    if (parts.length === maxHelloRecords) return refused("ClientHello in too many records", alerts.decodeError);
    const length = (bytes[position + 3]! << 8) | bytes[position + 4]!;
    if (length === 0 || length > maxRecordBytes) return refused(`record of ${length} bytes`, alerts.recordOverflow);
    const part = bytes.subarray(position + recordHeaderBytes, position + recordHeaderBytes + length);
    parts.push(part);
    joined += part.length;
    if (wanted < 0 && joined >= 4) {
      const head = join(parts, joined);
      if (head[0] !== messageClientHello) return refused("not a ClientHello", alerts.unexpectedMessage);
      wanted = 4 + ((head[1]! << 16) | (head[2]! << 8) | head[3]!);
      if (wanted > maxHelloBytes) return refused(`ClientHello of ${wanted} bytes`, alerts.decodeError);
    }
    if (wanted >= 0 && joined >= wanted) return join(parts, joined).subarray(4, wanted);
    if (part.length < length) return { kind: "incomplete" };
    position += recordHeaderBytes + length;
  }
}

function parseBody(cursor: Cursor): ClientHello {
  const hello: ClientHello = { serverName: null, alpn: [], offersTls13: false };
  cursor.skip(2 + 32); // legacy_version, random
  cursor.skip(cursor.uint8()); // legacy_session_id
  cursor.skip(cursor.uint16()); // cipher_suites
  cursor.skip(cursor.uint8()); // legacy_compression_methods
  if (cursor.left === 0) return hello;
  const extensions = cursor.take(cursor.uint16());
  while (extensions.left > 0) {
    const type = extensions.uint16();
    const body = extensions.take(extensions.uint16());
    if (type === extensionServerName) hello.serverName = readServerName(body);
    else if (type === extensionAlpn) hello.alpn = readAlpn(body);
    else if (type === extensionSupportedVersions) hello.offersTls13 = readVersions(body).includes(0x0304);
  }
  return hello;
}

function readServerName(body: Cursor): string | null {
  const list = body.take(body.uint16());
  while (list.left > 0) {
    const type = list.uint8();
    const name = list.take(list.uint16());
    if (type !== 0) continue;
    const text = name.ascii();
    // A name with blanks or control characters is no host name; refusing here keeps it out of logs and look-ups.
    if (!/^[\x21-\x7e]{1,255}$/.test(text)) throw new Truncated();
    return text.toLowerCase();
  }
  return null;
}

function readAlpn(body: Cursor): string[] {
  const protocols: string[] = [];
  const list = body.take(body.uint16());
  while (list.left > 0) protocols.push(list.take(list.uint8()).ascii());
  return protocols;
}

function readVersions(body: Cursor): number[] {
  const versions: number[] = [];
  const list = body.take(body.uint8());
  while (list.left > 0) versions.push(list.uint16());
  return versions;
}

/** A length ran past the end of what holds it. */
class Truncated extends Error {}

class Cursor {
  #position = 0;
  constructor(readonly bytes: Uint8Array) {}
  get left(): number {
    return this.bytes.length - this.#position;
  }
  skip(count: number): void {
    if (count > this.left) throw new Truncated();
    this.#position += count;
  }
  uint8(): number {
    const value = this.bytes[this.#position];
    if (value === undefined) throw new Truncated();
    this.#position++;
    return value;
  }
  uint16(): number {
    return (this.uint8() << 8) | this.uint8();
  }
  take(count: number): Cursor {
    const start = this.#position;
    this.skip(count);
    return new Cursor(this.bytes.subarray(start, start + count));
  }
  ascii(): string {
    return String.fromCharCode(...this.bytes);
  }
}

function refused(reason: string, alert: number | null): HelloResult {
  return { kind: "refused", reason, alert };
}

function join(parts: Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
