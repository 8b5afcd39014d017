/**
 * What passes through, over the API.
 * @module
 */
import { timestampFromDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { implement, type Operation } from "@lib/contract/mod.ts";
import { StatsService } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import type { ListenerSet } from "../listening/listener_set.ts";
import type { Explainer } from "../routing/explain.ts";
import type { Router } from "../routing/router.ts";
import type { Connections } from "../traffic/connections.ts";
import type { Upstreams } from "../upstream/upstreams.ts";

export interface StatsOperationsOptions {
  router: Router;
  listeners: ListenerSet;
  connections: Connections;
  upstreams: Pick<Upstreams, "states">;
  explain: Explainer;
  startedAt: Date;
}

const connectionLimits = { default: 100, max: 1000 };

export function statsOperations(options: StatsOperationsOptions): Operation[] {
  const { router, listeners, connections, upstreams, explain, startedAt } = options;
  return [
    ...implement(StatsService, {
      getStats: () => ({
        startedAt: timestampFromDate(startedAt),
        listeners: listeners.all().map(({ listener, address, door: { counters } }) => ({
          name: listener.name,
          address,
          accepted: BigInt(counters.accepted),
          active: BigInt(counters.active),
          refused: Object.fromEntries([...counters.refused].map(([reason, count]) => [reason, BigInt(count)])),
        })),
        routes: [...router.routes()].map(({ route, counters }) => ({
          listener: route.listener,
          hostname: route.hostname,
          path: route.path,
          mode: route.mode,
          connections: BigInt(counters.connections),
          active: BigInt(counters.active),
          requests: BigInt(counters.requests),
          bytesIn: BigInt(counters.bytesIn),
          bytesOut: BigInt(counters.bytesOut),
          backendErrors: BigInt(counters.backendErrors),
          responses: Object.fromEntries(counters.responses().map(([name, count]) => [name, BigInt(count)])),
          latencyP50Ms: counters.latency.quantile(0.5),
          latencyP99Ms: counters.latency.quantile(0.99),
        })),
        backends: upstreams.states().map(({ active, idle, ...state }) => ({
          ...state,
          active: BigInt(active),
          idle: BigInt(idle),
        })),
      }),
      listConnections: ({ listener, limit }) => ({
        total: BigInt(connections.size),
        connections: connections.busiest(
          listener,
          Math.min(limit === 0 ? connectionLimits.default : limit, connectionLimits.max),
        ).map(({ id, stream, openedAt, requests, ...one }) => ({
          id: BigInt(id),
          listener: one.listener,
          client: one.client,
          hostname: one.hostname,
          protocol: one.protocol,
          openedAt: timestampFromMs(openedAt),
          bytesIn: BigInt(stream.bytesRead),
          bytesOut: BigInt(stream.bytesWritten),
          requests: BigInt(requests),
        })),
      }),
      explain: (request) => explain.explain(request),
    }),
  ];
}
