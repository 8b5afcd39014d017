/** What the DNS side is doing. */
import { implement, type Operation } from "@lib/contract/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { AdminService } from "@proto/mcns/v1/mcns_pb.ts";
import type { Counters } from "../dns/counters.ts";
import type { Forwarder } from "../dns/forward/forwarder.ts";
import { by } from "./by.ts";

/** @param forwarder null when nothing is forwarded */
export function adminOperations(counters: Counters, forwarder: Forwarder | null, log: Logger): Operation[] {
  return implement(AdminService, {
    getStats: () => {
      const cache = forwarder?.cacheStats ?? { entries: 0, bytes: 0 };
      return {
        queriesUdp: BigInt(counters.queriesUdp),
        queriesTcp: BigInt(counters.queriesTcp),
        answersAuthoritative: BigInt(counters.authoritative),
        answersForwarded: BigInt(counters.forwarded),
        answersRefused: BigInt(counters.refused),
        cacheHits: BigInt(counters.cacheHits),
        cacheEntries: BigInt(cache.entries),
        cacheBytes: BigInt(cache.bytes),
        malformed: BigInt(counters.malformed),
        upstreams: (forwarder?.upstreams ?? []).map(({ address, healthy, failures }) => ({
          address,
          healthy,
          failures: BigInt(failures),
        })),
      };
    },

    flushCache: (_request, call) => {
      const removed = forwarder?.flush() ?? 0;
      log.info("cache flushed", { ...by(call), removed });
      return { removed: BigInt(removed) };
    },
  });
}
