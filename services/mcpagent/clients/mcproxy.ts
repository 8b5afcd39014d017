import { toPlatformError } from "@lib/errors/mod.ts";
import { grpcClient } from "@lib/grpc/mod.ts";
import { CertificateService, type Route, RouteService } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import type { Ingress } from "../deploy/neighbours.ts";
import { reach, type Whom } from "./reach.ts";

/** How often a put begins anew when somebody changes the route meanwhile: two at once is a chance, more is a loop. */
const maxTries = 3;

/** The node's ingress, over its unix socket: who can open it may change routes. */
export function ingressClient(options: { socket: string }): Ingress & AsyncDisposable {
  const whom: Whom = { part: "MC-Proxy", address: options.socket, service: "mcproxy" };
  const routes = grpcClient(RouteService, { address: options.socket });
  const certificates = grpcClient(CertificateService, { address: options.socket });
  return {
    async putRoute({ listener, hostname, mode, backend }, certificate) {
      await reach(whom, `route ${hostname}`, async () => {
        for (let tries = 1;; tries++) {
          const before = await found(() => routes.getRoute({ listener, hostname }));
          try {
            await routes.putRoute({
              listener,
              hostname,
              mode,
              backends: [backend],
              tlsCert: certificate?.cert ?? "",
              tlsKey: certificate?.key ?? "",
              ...admissionOf(before),
              expectedVersion: before?.version ?? "none",
            });
            return;
          } catch (error) {
            if (toPlatformError(error).code !== "conflict" || tries === maxTries) throw error;
          }
        }
      });
    },
    async deleteRoute(listener, hostname) {
      await reach(whom, `remove the route ${hostname}`, () => routes.deleteRoute({ listener, hostname }));
    },
    async reloadCertificates() {
      await reach(whom, "have the certificates read again", () => certificates.reloadCertificates({}));
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([routes.close(), certificates.close()]);
    },
  };
}

/** Who may come in is the operator's to say, and no deploy's to open: what the route has of that stays. */
function admissionOf(route: Route | null) {
  if (route === null) return {};
  const { signIn, clientCert, clientCa } = route;
  return { clientCert, clientCa, ...(signIn === undefined ? {} : { signIn }) };
}

/** Null for what isn't there. */
async function found<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (toPlatformError(error).code === "not_found") return null;
    throw error;
  }
}
