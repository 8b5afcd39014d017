import { rootKey } from "../../domain/name.ts";
import { toBytes, u32Octets } from "../../domain/octets.ts";
import { classIn, extendedErrors, rcodes, types } from "../codes.ts";
import type { WireRecord } from "../message.ts";
import type { Question, Resolution } from "./upstream_reply.ts";

/** "nxdomain": the name isn't there; "zero": its address is 0.0.0.0 and ::, which no connection reaches. */
export type BlockAnswer = "nxdomain" | "zero";

/** How long clients may keep it, so that a name taken off the list is there soon. */
export const blockedTtlSeconds = 60;

/** What a client gets for a blocked name, or a name behind which one hides. */
export function blockedResolution(question: Question, answer: BlockAnswer): Resolution {
  const address = answer === "zero" ? addressOctets.get(question.type) : undefined;
  const record = (type: number, data: Uint8Array): WireRecord => ({
    owner: question.key,
    type,
    class: classIn,
    ttlSeconds: blockedTtlSeconds,
    data,
  });
  return {
    question,
    rcode: answer === "zero" ? rcodes.NOERROR : rcodes.NXDOMAIN,
    answers: address === undefined ? [] : [record(question.type, new Uint8Array(address))],
    // A "no" without an SOA record isn't kept by clients (RFC 2308 §5): they would ask for every image of a page.
    authorities: address === undefined ? [record(types.SOA, soa)] : [],
    ttlSeconds: blockedTtlSeconds,
    blocked: true,
    ede: { code: extendedErrors.BLOCKED, text: "on a block list" },
  };
}

const addressOctets = new Map<number, number>([[types.A, 4], [types.AAAA, 16]]);

/** Of nobody's zone: names of the root, and as minimum (RFC 2308 §4) our TTL. */
const soa = toBytes(rootKey + rootKey + [1, 3600, 600, 86_400, blockedTtlSeconds].map(u32Octets).join(""));
