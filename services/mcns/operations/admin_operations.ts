/** What the DNS side is doing. Statistics and explanations are for every account, the rest for admins (the contract says so). */
import { timestampFromDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { AuditLog } from "@lib/audit/mod.ts";
import { implement, nextPageToken, type Operation, pageOf, parsePage } from "@lib/contract/mod.ts";
import { invalid } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { AdminService } from "@proto/mcns/v1/mcns_pb.ts";
import type { Counters } from "../dns/counters.ts";
import { queryFields, type QueryLog, rcodeText } from "../dns/query_log.ts";
import type { TransferCounters } from "../dns/transfer/transfer_counters.ts";
import { DomainName, textOfKey } from "../domain/name.ts";
import { fromBytes } from "../domain/octets.ts";
import { typeText } from "../domain/rdata/record_type.ts";
import type { ZoneReader } from "../store/zone_store.ts";
import { by } from "./by.ts";
import { explain, type ExplainParts, parseHypothesis } from "./explain.ts";
import type { ForwardControl } from "./forward_control.ts";
import { dataText } from "./reply_text.ts";
import { parseQueryFilter, watchQueries } from "./watch_queries.ts";

export interface AdminParts {
  readonly zones: Pick<ZoneReader, "totals">;
  readonly counters: Counters;
  /** What servers did with each other. */
  readonly exchanged: Pick<TransferCounters, "transfersOut" | "updates">;
  /** Null when nothing is forwarded. */
  readonly forwarder: ForwardControl | null;
  readonly queries: QueryLog;
  readonly explaining: ExplainParts;
  readonly audit: AuditLog;
  readonly log: Logger;
  readonly startedAt: Date;
}

const defaultWatchSeconds = 60;
const maxWatchSeconds = 3600;

export function adminOperations(parts: AdminParts): Operation[] {
  const { zones, counters, exchanged, forwarder, queries, explaining, audit, log, startedAt } = parts;
  return implement(AdminService, {
    getStats: () => {
      const cache = forwarder?.cacheStats ?? { entries: 0, bytes: 0 };
      const totals = zones.totals();
      return {
        queriesUdp: BigInt(counters.queriesUdp),
        queriesTcp: BigInt(counters.queriesTcp),
        queriesTls: BigInt(counters.queriesTls),
        queriesHttps: BigInt(counters.queriesHttps),
        answersAuthoritative: BigInt(counters.authoritative),
        answersForwarded: BigInt(counters.forwarded),
        answersRefused: BigInt(counters.refused),
        answersServfail: BigInt(counters.servfail),
        cacheHits: BigInt(counters.cacheHits),
        cacheEntries: BigInt(cache.entries),
        cacheBytes: BigInt(cache.bytes),
        malformed: BigInt(counters.malformed),
        truncated: BigInt(counters.truncated),
        rateLimited: BigInt(counters.rateLimited),
        staleAnswers: BigInt(counters.staleAnswers),
        blocked: BigInt(counters.blocked),
        transfersOut: BigInt(exchanged.transfersOut),
        updates: BigInt(exchanged.updates),
        zones: totals.zones,
        records: BigInt(totals.records),
        startedAt: timestampFromDate(startedAt),
        upstreams: (forwarder?.upstreams ?? []).map(({ address, healthy, failures, queries, rttMs }) => ({
          address,
          healthy,
          failures: BigInt(failures),
          queries: BigInt(queries),
          rttMs,
        })),
      };
    },

    listCache: (request) => {
      const page = parsePage(request);
      const name = request.name === "" ? {} : { name: DomainName.parse(request.name, "name").key };
      const entries = forwarder?.entries({ after: page.after, limit: page.limit + 1, ...name }) ?? [];
      const { items, nextPageToken } = pageOf(entries, page, ({ key }) => key);
      return {
        entries: items.map(({ name, type, rcode, ttlSeconds, records, hits }) => ({
          name: textOfKey(name),
          type: typeText(type),
          rcode: rcodeText(rcode),
          ttl: ttlSeconds,
          values: records.map((record) => `${typeText(record.type)} ${dataText(record.type, fromBytes(record.data))}`),
          hits: BigInt(hits),
        })),
        nextPageToken,
      };
    },

    flushCache: (request, call) => {
      const name = request.name === "" ? undefined : DomainName.parse(request.name, "name");
      const removed = forwarder?.flush(name?.key) ?? 0;
      log.info("cache flushed", { ...by(call), name: name?.text ?? "all", removed });
      return { removed: BigInt(removed) };
    },

    watchQueries: async function* (request, call) {
      const filter = parseQueryFilter(request);
      const seconds = request.seconds === 0 ? defaultWatchSeconds : request.seconds;
      if (seconds > maxWatchSeconds) throw invalid("seconds", `must be 1 to ${maxWatchSeconds}, got ${seconds}`);
      const over = new AbortController();
      const timer = setTimeout(() => over.abort(), seconds * 1000);
      try {
        for await (const query of watchQueries(queries, filter, AbortSignal.any([over.signal, call.signal]))) {
          yield { at: timestampFromMs(query.at), ...queryFields(query) };
        }
      } finally {
        clearTimeout(timer);
      }
    },

    explain: (request, call) => explain(explaining, parseHypothesis(request, call.remote)),

    listAuditEvents: (request) => {
      const { actor, action } = request;
      const { events, lastKey } = audit.list({ actor, action, page: parsePage(request) });
      return { events, nextPageToken: nextPageToken(lastKey) };
    },
  });
}
