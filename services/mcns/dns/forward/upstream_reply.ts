/** What of an upstream's reply is believed: only what answers the question (RFC 5452 §6). */
import { isAtOrBelow } from "../../domain/name.ts";
import { classIn, rcodes, types } from "../codes.ts";
import type { Message, WireRecord } from "../message.ts";
import { readName } from "../wire_name.ts";

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
  const chain = chainFrom(question, reply.answers);
  const last = chain.at(-1)!;
  const answers = reply.answers
    .filter((record) => record.class === classIn && (chain.includes(record.owner) || leadsOn(record, chain)))
    .map((record) => capped(record, maxTtlSeconds));
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

/** The names from the question along the CNAMEs, whatever order the records are in. */
function chainFrom({ key, type }: Question, records: readonly WireRecord[]): string[] {
  const chain = [key];
  if (type === types.CNAME || type === types.ANY) return chain;
  const aliases = new Map(
    records.filter((record) => record.type === types.CNAME && record.class === classIn)
      .map(({ owner, data }) => [owner, readName(data, 0, data.length)?.name]),
  );
  for (;;) {
    const next = aliases.get(chain.at(-1)!);
    if (next === undefined || chain.includes(next)) return chain;
    chain.push(next);
  }
}

/** A DNAME above one of the names, with its signature: what its CNAME was made from (RFC 6672). */
function leadsOn({ type, owner }: WireRecord, chain: readonly string[]): boolean {
  return (type === types.DNAME || type === types.RRSIG) && chain.some((name) => isAtOrBelow(name, owner));
}

function capped(record: WireRecord, maxTtlSeconds: number): WireRecord {
  return record.ttlSeconds <= maxTtlSeconds ? record : { ...record, ttlSeconds: maxTtlSeconds };
}
