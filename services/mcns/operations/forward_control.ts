/** What the operations need of the forwarder. */
import type { Question } from "../dns/forward/upstream_reply.ts";
import type { WireRecord } from "../dns/message.ts";

/** One upstream, as it is doing. */
export interface UpstreamView {
  readonly address: string;
  readonly healthy: boolean;
  /** In a row. */
  readonly failures: number;
  readonly queries: number;
  /** Smoothed round trip, ms; 0 when it never answered. */
  readonly rttMs: number;
}

/** One answer in the cache. */
export interface CacheView {
  /** For the page after it. */
  readonly key: string;
  /** Key of the name. */
  readonly name: string;
  readonly type: number;
  readonly rcode: number;
  /** Left; negative while it is kept as a stale answer only. */
  readonly ttlSeconds: number;
  readonly records: readonly WireRecord[];
  readonly hits: number;
}

export interface ForwardControl {
  readonly upstreams: readonly UpstreamView[];
  readonly cacheStats: { readonly entries: number; readonly bytes: number };
  /** What the cache has at once: how old it is, and whether it is past its time. */
  cached(question: Question): { readonly ageSeconds: number; readonly stale: boolean } | undefined;
  /** Whether the name is on a block list. */
  blocks(key: string): boolean;
  /** In the order of their page keys, those after `after`; at or below `name` only, where given. */
  entries(page: { after: string | null; limit: number; name?: string }): CacheView[];
  /** Forgets all answers, or those at or below `name`; returns how many. */
  flush(name?: string): number;
}
