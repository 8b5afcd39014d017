/**
 * A ClientHello, read for what answering it takes (RFC 8446 §4.1.2).
 * @module
 */

/** What of a hello the answer is made from. */
export interface ChallengeHello {
  /** The handshake message, without record headers: the transcript begins with it. */
  readonly message: Uint8Array<ArrayBuffer>;
  /** To be echoed (§4.1.3). */
  readonly sessionId: Uint8Array<ArrayBuffer>;
  readonly cipherSuites: readonly number[];
  readonly signatures: readonly number[];
  /** Public keys by group (§4.2.8). */
  readonly keyShares: ReadonlyMap<number, Uint8Array<ArrayBuffer>>;
}

const recordHandshake = 22;
const messageClientHello = 1;
const extensionSignatures = 13;
const extensionKeyShare = 51;

/** Reads forward; past the end is a RangeError. */
class Cursor {
  #at = 0;
  constructor(readonly bytes: Uint8Array<ArrayBuffer>) {}

  get more(): boolean {
    return this.#at < this.bytes.length;
  }

  take(length: number): Uint8Array<ArrayBuffer> {
    if (this.#at + length > this.bytes.length) throw new RangeError("ClientHello is truncated");
    return this.bytes.subarray(this.#at, this.#at += length);
  }

  number(octets: number): number {
    return this.take(octets).reduce((sum, octet) => sum * 256 + octet, 0);
  }

  /** A vector with its length in front, in so many octets. */
  vector(octets: number): Cursor {
    return new Cursor(this.take(this.number(octets)));
  }

  numbers(octets: number): number[] {
    const all: number[] = [];
    while (this.more) all.push(this.number(octets));
    return all;
  }
}

/**
 * @param records one or more whole records, as a client's first flight brings them
 * @throws RangeError when it isn't a whole ClientHello
 */
export function readChallengeHello(records: Uint8Array<ArrayBuffer>): ChallengeHello {
  const input = new Cursor(records);
  const fragments: number[] = [];
  let length = 4;
  while (fragments.length < length) {
    const type = input.number(1);
    input.take(2);
    fragments.push(...input.vector(2).bytes);
    if (type !== recordHandshake || fragments[0] !== messageClientHello) throw new RangeError("no ClientHello");
    if (fragments.length >= 4) length = 4 + fragments[1]! * 65536 + fragments[2]! * 256 + fragments[3]!;
  }
  const message = Uint8Array.from(fragments.slice(0, length));
  const body = new Cursor(message.subarray(4));
  body.take(2 + 32);
  const sessionId = body.vector(1).bytes;
  const cipherSuites = body.vector(2).numbers(2);
  body.vector(1);
  const extensions = body.vector(2);
  let signatures: number[] = [];
  const keyShares = new Map<number, Uint8Array<ArrayBuffer>>();
  while (extensions.more) {
    const type = extensions.number(2);
    const data = extensions.vector(2);
    if (type === extensionSignatures) signatures = data.vector(2).numbers(2);
    if (type !== extensionKeyShare) continue;
    const shares = data.vector(2);
    while (shares.more) keyShares.set(shares.number(2), shares.vector(2).bytes);
  }
  return { message, sessionId, cipherSuites, signatures, keyShares };
}
