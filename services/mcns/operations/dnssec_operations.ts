/** Signing: admins change it, every account reads it (the contract's access options say so). */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { implement, type Operation } from "@lib/contract/mod.ts";
import { invalid, quote } from "@lib/errors/mod.ts";
import { type DnssecSchema, DnssecService, type SignZoneRequest } from "@proto/mcns/v1/dnssec_pb.ts";
import { DomainName } from "../domain/name.ts";
import { by } from "./by.ts";
import type { DnssecControl, DnssecState, SigningPolicy } from "./dnssec_control.ts";
import { optionalTime } from "./timestamps.ts";

const algorithms = ["ecdsap256sha256", "ed25519"] as const;
const denials = ["nsec", "nsec3"] as const;
const roles = ["zsk", "ksk", "csk"] as const;

export function dnssecOperations(dnssec: DnssecControl): Operation[] {
  const zoneOf = (request: { zone: string }) => DomainName.parse(request.zone, "zone");

  return implement(DnssecService, {
    signZone: async (request, call) => shown(await dnssec.sign(zoneOf(request), policyOf(request), by(call))),
    unsignZone: (request, call) => dnssec.unsign(zoneOf(request), request.force, by(call)),
    getDnssec: (request) => shown(dnssec.get(zoneOf(request))),
    rollKey: async (request, call) =>
      shown(await dnssec.roll(zoneOf(request), oneOf("role", request.role, roles), by(call), request.emergency)),
    confirmDs: async (request, call) => shown(await dnssec.confirmDs(zoneOf(request), by(call))),
  });
}

function policyOf(request: SignZoneRequest): SigningPolicy {
  const { splitKeys, signatureSeconds, zskLifetimeSeconds, kskLifetimeSeconds } = request;
  const { propagationSeconds, dsTtlSeconds } = request;
  return {
    algorithm: oneOf("algorithm", request.algorithm, algorithms, "ecdsap256sha256"),
    denial: oneOf("denial", request.denial, denials, "nsec"),
    splitKeys,
    signatureSeconds,
    zskLifetimeSeconds,
    kskLifetimeSeconds,
    propagationSeconds,
    dsTtlSeconds,
  };
}

function oneOf<Word extends string>(field: string, text: string, words: readonly Word[], fallback?: Word): Word {
  const found = text === "" ? fallback : words.find((word) => word === text.toLowerCase());
  if (found === undefined) throw invalid(field, `must be ${words.join(", ")}, got ${quote(text)}`);
  return found;
}

function shown(state: DnssecState): MessageInitShape<typeof DnssecSchema> {
  const { keys, nextEventAt, signaturesExpireAt, ds, trustAnchors, ...same } = state;
  return {
    ...same,
    ds: [...ds],
    trustAnchors: [...trustAnchors],
    keys: keys.map(({ createdAt, activeAt, stateSince, ...key }) => ({
      ...key,
      createdAt: timestampFromMs(createdAt),
      ...optionalTime("activeAt", activeAt),
      stateSince: timestampFromMs(stateSince),
    })),
    ...optionalTime("nextEventAt", nextEventAt),
    ...optionalTime("signaturesExpireAt", signaturesExpireAt),
  };
}
