/** What of an upstream's reply is believed: only what answers the question (RFC 5452 §6). */
import { isAtOrBelow } from "../domain/name.ts";
import { classIn, rcodes, types } from "./codes.ts";
import type { Message, WireRecord } from "./message.ts";
import { readName } from "./wire_name.ts";

/** What is asked of an upstream; also what the cache is keyed by. Class is always IN. */
export interface Question {
  /** Key of the name. */
  readonly key: string;
  readonly type: number;
  readonly dnssecOk: boolean;
  readonly checkingDisabled: boolean;
}

/** A reply cleaned of everything that nobody asked for. */
export interface Resolution {
  readonly question: Question;
  readonly rcode: number;
  readonly answers: readonly WireRecord[];
  readonly authorities: readonly WireRecord[];
  /** How long it may be kept; 0 for not at all. */
  readonly ttlSeconds: number;
}

const authorityTypes: ReadonlySet<number> = new Set([types.SOA, types.NSEC, types.NSEC3, types.RRSIG]);

/**
 * Keeps the chain of CNAMEs and records that starts at the question, and of the authority section what proves a
 * negative. Null for rcodes other than NOERROR and NXDOMAIN: another upstream may know better.
 * @param maxTtlSeconds no record is handed on with a longer TTL
 */
export function resolutionOf(question: Question, reply: Message, maxTtlSeconds: number): Resolution | null {
  if (reply.rcode !== rcodes.NOERROR && reply.rcode !== rcodes.NXDOMAIN) return null;
  const answers: WireRecord[] = [];
  const chain = new Set([question.key]);
  let last = question.key;
  // Servers send the chain in order; a record before the CNAME that leads to it is dropped.
  for (const record of reply.answers) {
    const leadsOn = record.type === types.DNAME && isAtOrBelow(last, record.owner);
    if (record.class !== classIn || !(chain.has(record.owner) || leadsOn || isSignatureOf(record, answers))) continue;
    answers.push(capped(record, maxTtlSeconds));
    if (record.type === types.CNAME && question.type !== types.CNAME && record.owner === last) {
      last = readName(record.data, 0, record.data.length)!.name;
      chain.add(last);
    }
  }
  const isAnswered = answers.some(({ owner, type }) =>
    owner === last && (type === question.type || question.type === types.ANY)
  );
  const authorities = isAnswered && reply.rcode === rcodes.NOERROR && !question.dnssecOk ? [] : reply.authorities
    .filter((record) => record.class === classIn && authorityTypes.has(record.type))
    .map((record) => capped(record, maxTtlSeconds));
  return {
    question,
    rcode: reply.rcode,
    answers,
    authorities,
    ttlSeconds: keepSeconds(isAnswered && reply.rcode === rcodes.NOERROR, last, answers, authorities),
  };
}

/** RFC 2308 §5: a "no" is kept for what the SOA says, without one not at all; an answer as long as its shortest TTL. */
function keepSeconds(
  isPositive: boolean,
  name: string,
  answers: readonly WireRecord[],
  authorities: readonly WireRecord[],
): number {
  const shortest = Math.min(...answers.map(({ ttlSeconds }) => ttlSeconds));
  if (isPositive) return shortest;
  const soa = authorities.find(({ type, owner }) => type === types.SOA && isAtOrBelow(name, owner));
  if (soa === undefined || soa.data.length < 4) return 0;
  const minimum = new DataView(soa.data.buffer, soa.data.byteOffset).getUint32(soa.data.length - 4);
  return Math.min(shortest, soa.ttlSeconds, minimum);
}

function isSignatureOf(record: WireRecord, answers: readonly WireRecord[]): boolean {
  return record.type === types.RRSIG && answers.some(({ owner }) => owner === record.owner);
}

function capped(record: WireRecord, maxTtlSeconds: number): WireRecord {
  return record.ttlSeconds <= maxTtlSeconds ? record : { ...record, ttlSeconds: maxTtlSeconds };
}
