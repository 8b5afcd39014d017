/**
 * The API: one handler per RPC. Every RPC is for admins; on the unix sockets that is whoever can open them.
 * @module
 */
import { timestampFromDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { implement, nextPageToken, type Operation, parsePage } from "@lib/contract/mod.ts";
import { CertificateService, RouteService, StatsService } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { parseHostname } from "./domain/hostname.ts";
import type { Router } from "./routing/router.ts";
import type { RouteReader, StoredRoute } from "./store/route_store.ts";
import type { CertificateFolder } from "./tls/certificate_folder.ts";
import type { Ingress } from "./tls/ingress.ts";

export interface OperationsOptions {
  router: Router;
  routes: RouteReader;
  certificates: CertificateFolder;
  listeners: readonly Ingress[];
}

export function operations(options: OperationsOptions): Operation[] {
  const { router, routes, certificates, listeners } = options;
  return [
    ...implement(RouteService, {
      putRoute: (request) => routeMessage(router.put(request)),
      listRoutes: (request) => {
        const page = parsePage(request);
        const rows = routes.list(request.listener, readKey(page.after), page.limit + 1);
        const shown = rows.slice(0, page.limit);
        const last = rows.length > page.limit ? shown.at(-1) : undefined;
        return {
          routes: shown.map(routeMessage),
          nextPageToken: nextPageToken(last && `${last.listener} ${last.hostname}`),
        };
      },
      deleteRoute: (request) => ({
        deleted: router.delete(request.listener, parseHostname(request.hostname)),
      }),
    }),
    ...implement(CertificateService, {
      reloadCertificates: () => {
        certificates.reload();
        return { certificates: listCertificates(router) };
      },
      listCertificates: () => ({ certificates: listCertificates(router) }),
    }),
    ...implement(StatsService, {
      getStats: () => ({
        listeners: listeners.map(({ name, address, counters }) => ({
          name,
          address,
          accepted: BigInt(counters.accepted),
          active: BigInt(counters.active),
          refused: Object.fromEntries([...counters.refused].map(([reason, count]) => [reason, BigInt(count)])),
        })),
        routes: [...router.routes()].map(({ route, counters }) => ({
          listener: route.listener,
          hostname: route.hostname,
          connections: BigInt(counters.connections),
          active: BigInt(counters.active),
          requests: BigInt(counters.requests),
          bytesIn: BigInt(counters.bytesIn),
          bytesOut: BigInt(counters.bytesOut),
          backendErrors: BigInt(counters.backendErrors),
        })),
      }),
    }),
  ];
}

function routeMessage(route: StoredRoute) {
  const { listener, hostname, mode, backends, tlsCert, tlsKey, createdAt, updatedAt } = route;
  return {
    listener,
    hostname,
    mode,
    backends,
    tlsCert,
    tlsKey,
    createdAt: timestampFromMs(createdAt),
    updatedAt: timestampFromMs(updatedAt),
  };
}

function listCertificates(router: Router) {
  return [...router.routes()].flatMap((live) => {
    const served = router.certificateOf(live);
    if (served === null) return [];
    const { listener, hostname } = live.route;
    return [{
      listener,
      hostname,
      names: [...served.names],
      error: served.error,
      ...(served.notAfter === null ? {} : { notAfter: timestampFromDate(served.notAfter) }),
    }];
  });
}

/** A page's last key is "listener hostname"; neither has blanks. */
function readKey(key: string | null): { listener: string; hostname: string } | null {
  if (key === null) return null;
  const [listener = "", hostname = ""] = key.split(" ");
  return { listener, hostname };
}
