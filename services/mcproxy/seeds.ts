/**
 * The configuration's routes, for a new database.
 * @module
 */
import type { Config } from "./config.ts";
import { parseRoute, type RouteRules } from "./domain/route.ts";
import type { NewRoute } from "./store/route_store.ts";

/** @throws PlatformError `invalid` for the first bad one */
export function parseSeeds({ routes }: Config, rules: RouteRules): NewRoute[] {
  return routes.map((seed) => {
    const route = parseRoute({
      listener: seed.listener,
      hostname: seed.hostname,
      path: seed.path,
      mode: seed.mode,
      backends: seed.backends,
      tlsCert: seed.tls_cert,
      tlsKey: seed.tls_key,
      acme: seed.acme,
      clientCert: seed.client_cert,
      clientCa: seed.client_ca,
      backendProtocol: seed.backend_protocol,
      backendName: seed.backend_name,
      backendInsecure: seed.backend_insecure,
      sendProxyProtocol: seed.send_proxy_protocol,
      stripPath: seed.strip_path,
      compress: seed.compress,
      maintenance: seed.maintenance,
    }, rules);
    return { ...route, backends: route.backends.map(({ key }) => key) };
  });
}
