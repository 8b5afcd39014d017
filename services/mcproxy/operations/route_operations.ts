/**
 * Routes and their certificates over the API. Every RPC is for admins; on the unix sockets that is whoever can open them.
 * @module
 */
import { timestampFromDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { implement, nextPageToken, type Operation, parsePage } from "@lib/contract/mod.ts";
import { CertificateService, RouteService } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import type { Router } from "../routing/router.ts";
import type { RouteKey, RouteReader, StoredRoute } from "../store/route_store.ts";
import type { CertificateFolder } from "../tls/certificate_folder.ts";
import type { ClientAuthorityFolder } from "../tls/client_authority_folder.ts";

export interface RouteOperationsOptions {
  router: Router;
  routes: RouteReader;
  certificates: CertificateFolder;
  clientAuthorities: ClientAuthorityFolder;
}

export function routeOperations(
  { router, routes, certificates, clientAuthorities }: RouteOperationsOptions,
): Operation[] {
  return [
    ...implement(RouteService, {
      getRoute: (request) => routeMessage(router.get(request)),
      putRoute: (request) => routeMessage(router.put(request, request.expectedVersion)),
      listRoutes: (request) => {
        const page = parsePage(request);
        const rows = routes.list(request.listener, readKey(page.after), page.limit + 1);
        const shown = rows.slice(0, page.limit);
        const last = rows.length > page.limit ? shown.at(-1) : undefined;
        return {
          routes: shown.map(routeMessage),
          nextPageToken: nextPageToken(last && `${last.listener} ${last.hostname} ${last.path}`),
        };
      },
      deleteRoute: (request) => ({ deleted: router.delete(request, request.expectedVersion) }),
    }),
    ...implement(CertificateService, {
      reloadCertificates: () => {
        certificates.reload();
        clientAuthorities.reload();
        return { certificates: listCertificates(router) };
      },
      listCertificates: () => ({ certificates: listCertificates(router) }),
    }),
  ];
}

function routeMessage({ createdAt, updatedAt, redirect, healthCheck, signIn, maxBodyBytes, ...route }: StoredRoute) {
  return {
    ...route,
    backends: [...route.backends],
    requestHeaders: [...route.requestHeaders],
    responseHeaders: [...route.responseHeaders],
    ...(redirect === null ? {} : { redirect }),
    ...(healthCheck === null ? {} : {
      healthCheck: { ...healthCheck, expectedStatuses: [...healthCheck.expectedStatuses ?? []] },
    }),
    ...(signIn === null ? {} : { signIn: { allow: [...signIn.allow] } }),
    maxBodyBytes: BigInt(maxBodyBytes),
    createdAt: timestampFromMs(createdAt),
    updatedAt: timestampFromMs(updatedAt),
  };
}

function listCertificates(router: Router) {
  return [...router.routes()].flatMap((live) => {
    const served = router.certificateOf(live);
    if (served === null) return [];
    const { listener, hostname, acme } = live.route;
    const clients = router.clientAuthorityOf(live);
    return [{
      listener,
      hostname,
      names: [...served.names],
      error: served.error,
      acme,
      ...(served.notAfter === null ? {} : { notAfter: timestampFromDate(served.notAfter) }),
      ...((served.renewAt ?? null) === null ? {} : { renewAt: timestampFromDate(served.renewAt!) }),
      clientCaSubjects: clients?.value?.subjects ?? [],
      clientCaError: clients?.error ?? "",
      ...((clients?.value ?? null) === null ? {} : { clientCaNotAfter: timestampFromDate(clients!.value!.notAfter) }),
    }];
  });
}

/** A page's last key is "listener hostname path"; none of them has blanks. */
function readKey(key: string | null): RouteKey | null {
  if (key === null) return null;
  const [listener = "", hostname = "", path = ""] = key.split(" ");
  return { listener, hostname, path };
}
