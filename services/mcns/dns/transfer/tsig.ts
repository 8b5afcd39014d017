/**
 * Signatures by shared keys (TSIG, RFC 8945): made for what we send, checked on what comes in.
 *
 * The MAC covers the message without its TSIG record, and what that record says of key and time. A reply's MAC covers
 * the request's as well, so that it can't be passed off as the reply to another; in a stream of messages each covers the
 * one before (§5.3.1), so that none can be left out or moved.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "@lib/clock/mod.ts";
import { textOfKey } from "../../domain/name.ts";
import { macOctets, type TsigAlgorithm, tsigAlgorithms, type TsigKey } from "../../domain/tsig_key.ts";
import { classes, maxMessageOctets, rcodes, types } from "../codes.ts";
import { octetsOf } from "../wire_name.ts";
import type { RawMessage, TsigRecord } from "./raw_message.ts";

/** Values of a TSIG record's error field (RFC 8945 §3). */
export const tsigErrors = { NONE: 0, BADSIG: 16, BADKEY: 17, BADTIME: 18, BADTRUNC: 22 } as const;
export type TsigError = typeof tsigErrors[keyof typeof tsigErrors];

/** Seconds that the clocks of both sides may differ, in what we send (RFC 8945 §10 recommends it). */
export const fudgeSeconds = 300;

/** Messages of a stream that may stand unsigned between two signed ones (RFC 8945 §5.3.1). */
const maxUnsigned = 99;

/** RFC 8945 §5.2.2.1: a MAC cut shorter than half its hash, or than 10 octets, is malformed. */
const minMacOctets = 10;

/** Keys by name. */
export interface TsigKeys {
  /** @param name key (name.ts) of the key's name */
  find(name: string): TsigKey | undefined;
}

/** Key (name.ts) of each algorithm's name (RFC 8945 §6). */
const algorithmNames = new Map<TsigAlgorithm, string>(
  tsigAlgorithms.map((algorithm) => [algorithm, `${String.fromCharCode(algorithm.length)}${algorithm}\0`]),
);

export type Verdict =
  | { readonly kind: "unsigned" }
  | { readonly kind: "signed"; readonly key: TsigKey; readonly tsig: TsigRecord }
  /** Not even that: reply FORMERR. */
  | { readonly kind: "malformed" }
  /** Reply NOTAUTH with that error; signed by `key` unless it is null. */
  | { readonly kind: "refused"; readonly error: TsigError; readonly key: TsigKey | null; readonly tsig: TsigRecord };

/** Checks a request's signature, in the order of RFC 8945 §5.2: key, MAC, time, length of the MAC. */
export function verifyRequest({ packet, tsig }: RawMessage, keys: TsigKeys, clock: Clock): Verdict {
  if (tsig === null) return { kind: "unsigned" };
  const key = keys.find(tsig.name);
  if (key === undefined || algorithmNames.get(key.algorithm) !== tsig.algorithm) {
    return { kind: "refused", error: tsigErrors.BADKEY, key: null, tsig };
  }
  const full = macOctets[key.algorithm];
  if (tsig.mac.length > full || tsig.mac.length < Math.max(minMacOctets, full / 2)) return { kind: "malformed" };
  const mac = macOf(key, [unsigned(packet, tsig), variables(tsig)]);
  if (!sameOctets(mac.subarray(0, tsig.mac.length), tsig.mac)) {
    return { kind: "refused", error: tsigErrors.BADSIG, key: null, tsig };
  }
  if (Math.abs(secondsOf(clock) - tsig.timeSigned) > tsig.fudge) {
    return { kind: "refused", error: tsigErrors.BADTIME, key, tsig };
  }
  // Nobody of ours cuts MACs, so a short one is somebody who tries.
  if (tsig.mac.length < full) return { kind: "refused", error: tsigErrors.BADTRUNC, key, tsig };
  return { kind: "signed", key, tsig };
}

/** The message as it was before it was signed: what a server that knows no TSIG would be asked. */
export function unsigned(packet: Uint8Array, { start, originalId }: TsigRecord): Uint8Array {
  const message = packet.slice(0, start);
  const additionals = (message[10]! << 8 | message[11]!) - 1;
  message[0] = originalId >> 8;
  message[1] = originalId;
  message[10] = additionals >> 8;
  message[11] = additionals;
  return message;
}

/** Octets that a signature by this key adds to a message. */
export function signatureOctets({ name, algorithm }: TsigKey, otherOctets = 0): number {
  return name.length + 10 + algorithmNames.get(algorithm)!.length + 16 + macOctets[algorithm] + otherOctets;
}

/** Signs the messages that answer one request. */
export class ReplySigner {
  readonly #key: TsigKey;
  readonly #clock: Clock;
  /** Of what came before, which the next one covers. */
  #priorMac: Uint8Array;
  #first = true;

  constructor(key: TsigKey, request: TsigRecord, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
    this.#priorMac = request.mac;
  }

  /** The message with its signature; the first one covers more of it (RFC 8945 §5.3). */
  sign(message: Uint8Array): Uint8Array {
    const fields = fieldsFor(this.#key, message, secondsOf(this.#clock));
    const covered = this.#first ? variables(fields) : timers(fields);
    const mac = macOf(this.#key, [withLength(this.#priorMac), message, covered]);
    this.#first = false;
    this.#priorMac = mac;
    return append(message, { ...fields, mac });
  }
}

/**
 * A reply that tells of an error, with its signature record: signed where the key is known to be the client's
 * (BADTIME, BADTRUNC), else empty (RFC 8945 §5.3.2).
 */
export function signError(
  reply: Uint8Array,
  { error, key, tsig }: { error: TsigError; key: TsigKey | null; tsig: TsigRecord },
  clock: Clock,
): Uint8Array {
  // §5.2.3: a client whose clock is wrong learns the time here.
  const other = error === tsigErrors.BADTIME ? u48(secondsOf(clock)) : new Uint8Array(0);
  const { name, algorithm, timeSigned, fudge, originalId } = tsig;
  const fields = { name, algorithm, timeSigned, fudge, originalId, error, other };
  const mac = key === null ? new Uint8Array(0) : macOf(key, [withLength(tsig.mac), reply, variables(fields)]);
  return append(reply, { ...fields, mac });
}

/** Signs a request of ours. `mac` is what the replies' signatures cover. */
export function signRequest(message: Uint8Array, key: TsigKey, clock: Clock): { packet: Uint8Array; mac: Uint8Array } {
  const fields = fieldsFor(key, message, secondsOf(clock));
  const mac = macOf(key, [message, variables(fields)]);
  return { packet: append(message, { ...fields, mac }), mac };
}

/**
 * Checks the messages that answer a request of ours, one or many. Some may stand unsigned between signed ones
 * (§5.3.1), so what they say counts only when `end` has found the last one signed.
 */
export class ReplyVerifier {
  readonly #key: TsigKey;
  readonly #clock: Clock;
  #priorMac: Uint8Array;
  #first = true;
  #unsigned: Uint8Array[] = [];

  constructor(key: TsigKey, requestMac: Uint8Array, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
    this.#priorMac = requestMac;
  }

  /** What is wrong with the message, or null. */
  take({ packet, tsig, rcode }: RawMessage): string | null {
    const key = textOfKey(this.#key.name);
    if (tsig === null) {
      if (rcode !== rcodes.NOERROR) return null; // Taken by nobody for more than a failure.
      if (this.#first) return `the reply is not signed by key ${key}`;
      if (this.#unsigned.length >= maxUnsigned) return `more than ${maxUnsigned} messages in a row are not signed`;
      this.#unsigned.push(packet);
      return null;
    }
    if (tsig.name !== this.#key.name) return `the reply is signed by key ${textOfKey(tsig.name)}, not by ${key}`;
    const problem = problems.get(tsig.error);
    if (problem !== undefined) return problem(key);
    if (tsig.algorithm !== algorithmNames.get(this.#key.algorithm)) return `key ${key} has another algorithm there`;
    const covered = this.#first ? variables(tsig) : timers(tsig);
    const parts = [withLength(this.#priorMac), ...this.#unsigned, unsigned(packet, tsig), covered];
    const mac = macOf(this.#key, parts);
    if (!sameOctets(mac, tsig.mac)) return `the signature by key ${key} is wrong`;
    if (Math.abs(secondsOf(this.#clock) - tsig.timeSigned) > tsig.fudge) {
      return `the reply was signed at ${new Date(tsig.timeSigned * 1000).toISOString()}: the clocks differ`;
    }
    this.#priorMac = mac;
    this.#first = false;
    this.#unsigned = [];
    return null;
  }

  /** After the last message: what is wrong with it, or null. */
  end(): string | null {
    return this.#first || this.#unsigned.length > 0 ? "the last message is not signed" : null;
  }
}

/** What a server means by the errors. */
const problems: ReadonlyMap<number, (key: string) => string> = new Map<number, (key: string) => string>([
  [tsigErrors.BADKEY, (key) => `it does not know key ${key} (BADKEY): give it name, algorithm and secret`],
  [tsigErrors.BADSIG, (key) => `it has another secret for key ${key} (BADSIG)`],
  [tsigErrors.BADTIME, (key) => `its clock differs from ours by more than the fudge (BADTIME, key ${key})`],
  [tsigErrors.BADTRUNC, (key) => `it wants a longer MAC by key ${key} (BADTRUNC)`],
]);

/** What a TSIG record says, the MAC left out. */
type Fields = Omit<TsigRecord, "mac" | "start">;

function fieldsFor({ name, algorithm }: TsigKey, message: Uint8Array, timeSigned: number): Fields {
  return {
    name,
    algorithm: algorithmNames.get(algorithm)!,
    timeSigned,
    fudge: fudgeSeconds,
    originalId: message[0]! << 8 | message[1]!,
    error: tsigErrors.NONE,
    other: new Uint8Array(0),
  };
}

/** RFC 8945 §4.3.3: name, class ANY, TTL 0, algorithm, time, fudge, error, other data. */
function variables({ name, algorithm, timeSigned, fudge, error, other }: Fields): Uint8Array {
  return joined([
    octetsOf(name),
    u16(classes.ANY),
    u16(0),
    u16(0),
    octetsOf(algorithm),
    u48(timeSigned),
    u16(fudge),
    u16(error),
    u16(other.length),
    other,
  ]);
}

/** RFC 8945 §5.3.1: all that messages after the first have of it. */
function timers({ timeSigned, fudge }: Fields): Uint8Array {
  return joined([u48(timeSigned), u16(fudge)]);
}

function append(message: Uint8Array, tsig: Omit<TsigRecord, "start">): Uint8Array {
  const { name, algorithm, timeSigned, fudge, mac, originalId, error, other } = tsig;
  const data = joined([
    octetsOf(algorithm),
    u48(timeSigned),
    u16(fudge),
    u16(mac.length),
    mac,
    u16(originalId),
    u16(error),
    u16(other.length),
    other,
  ]);
  const head = [u16(types.TSIG), u16(classes.ANY), u16(0), u16(0), u16(data.length)];
  const signed = joined([message, octetsOf(name), ...head, data]);
  if (signed.length > maxMessageOctets) throw new Error(`a signed message of ${signed.length} octets is too long`);
  const additionals = (signed[10]! << 8 | signed[11]!) + 1;
  signed[10] = additionals >> 8;
  signed[11] = additionals;
  return signed;
}

function macOf({ algorithm, secret }: TsigKey, parts: readonly Uint8Array[]): Uint8Array {
  const hmac = createHmac(algorithm.slice("hmac-".length), secret);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

/** In a time that does not tell how many octets are right. */
function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

const withLength = (mac: Uint8Array): Uint8Array => joined([u16(mac.length), mac]);

const secondsOf = (clock: Clock): number => Math.floor(clock.now() / 1000);

const u16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value);

function u48(value: number): Uint8Array {
  const upper = Math.floor(value / 2 ** 32), lower = value >>> 0;
  return Uint8Array.of(upper >> 8, upper, lower >> 24, lower >> 16, lower >> 8, lower);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
