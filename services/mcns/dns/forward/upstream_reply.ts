/** What of an upstream's reply is believed: only what answers the question (RFC 5452 §6). */
import { isAtOrBelow } from "../../domain/name.ts";
import { classIn, rcodes, types } from "../codes.ts";
import type { ExtendedError } from "../edns_options.ts";
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
  /** Whether it has expired, and is used because no upstream replies (RFC 8767). */
  readonly stale?: boolean;
  /** Whether a block list made it. */
  readonly blocked?: boolean;
  /** What the client should know beyond the rcode; null or undefined: nothing. */
  readonly ede?: ExtendedError | null;
}

/** Links of a chain of aliases that are followed; resolvers give up at about as many. */
const maxLinks = 16;

const authorityTypes: ReadonlySet<number> = new Set([types.SOA, types.NSEC, types.NSEC3, types.RRSIG]);

/**
 * Keeps the chain of CNAMEs and records that starts at the question, and of the authority section what proves a
 * negative. Null for rcodes other than NOERROR and NXDOMAIN: another upstream may know better.
 * @param maxTtlSeconds no record is handed on with a longer TTL
 */
export function resolutionOf(question: Question, reply: Message, maxTtlSeconds: number): Resolution | null {
  if (reply.rcode !== rcodes.NOERROR && reply.rcode !== rcodes.NXDOMAIN) return null;
  const chain = chainFrom(question, reply.answers);
  const last = [...chain].at(-1)!;
  const answers = reply.answers
    .filter((record) => record.class === classIn && (chain.has(record.owner) || leadsOn(record, chain)))
    .map((record) => capped(record, maxTtlSeconds));
  const isAnswered = answers.some(({ owner, type }) =>
    owner === last && (type === question.type || question.type === types.ANY)
  );
  const authorities = isAnswered && reply.rcode === rcodes.NOERROR && !question.dnssecOk ? [] : reply.authorities
    .filter((record) => record.class === classIn && authorityTypes.has(record.type) && speaksFor(record, chain))
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

/** The names from the question along the CNAMEs, in that order, whatever order the records are in. */
export function chainFrom({ key, type }: Question, records: readonly WireRecord[]): ReadonlySet<string> {
  const chain = new Set([key]);
  if (type === types.CNAME || type === types.ANY) return chain;
  const aliases = new Map(
    records.filter((record) => record.type === types.CNAME && record.class === classIn)
      .map(({ owner, data }) => [owner, readName(data, 0, data.length)?.name]),
  );
  for (let name = aliases.get(key); name !== undefined && !chain.has(name); name = aliases.get(name)) {
    if (chain.size > maxLinks) break;
    chain.add(name);
  }
  return chain;
}

/** A DNAME above one of the names, with its signature: what its CNAME was made from (RFC 6672). */
function leadsOn({ type, owner }: WireRecord, chain: ReadonlySet<string>): boolean {
  if (type !== types.DNAME && type !== types.RRSIG) return false;
  for (const name of chain) if (isAtOrBelow(name, owner)) return true;
  return false;
}

/** Whether an SOA record is that of a zone which one of the names lies in. Proofs carry signatures of their own. */
function speaksFor({ type, owner }: WireRecord, chain: ReadonlySet<string>): boolean {
  if (type !== types.SOA) return true;
  for (const name of chain) if (isAtOrBelow(name, owner)) return true;
  return false;
}

function capped(record: WireRecord, maxTtlSeconds: number): WireRecord {
  return record.ttlSeconds <= maxTtlSeconds ? record : { ...record, ttlSeconds: maxTtlSeconds };
}
