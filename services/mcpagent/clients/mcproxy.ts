import { grpcClient } from "@lib/grpc/mod.ts";
import { CertificateService, RouteService } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import type { Ingress } from "../deploy/neighbours.ts";
import { reach, type Whom } from "./reach.ts";

/** The node's ingress, over its unix socket: who can open it may change routes. */
export function ingressClient(options: { socket: string }): Ingress & AsyncDisposable {
  const whom: Whom = { part: "MC-Proxy", address: options.socket, service: "mcproxy" };
  const routes = grpcClient(RouteService, { address: options.socket });
  const certificates = grpcClient(CertificateService, { address: options.socket });
  return {
    async putRoute({ listener, hostname, mode, backend }, certificate) {
      await reach(whom, `route ${hostname}`, () =>
        routes.putRoute({
          listener,
          hostname,
          mode,
          backends: [backend],
          tlsCert: certificate?.cert ?? "",
          tlsKey: certificate?.key ?? "",
        }));
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
