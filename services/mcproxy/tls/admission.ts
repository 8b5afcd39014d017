/**
 * What happens to a connection once its ClientHello is known.
 * @module
 */
import { alerts, type ClientHello } from "@lib/tls/mod.ts";
import { isHostname } from "../domain/hostname.ts";
import type { Host } from "../domain/route_table.ts";
import type { LiveRoute, Router } from "../routing/router.ts";
import { protocols } from "./terminate.ts";
import type { Refusal } from "../traffic/counters.ts";

/** RFC 7301 §3.2 no_application_protocol. */
const alertNoApplicationProtocol = 120;

export type Admission =
  | { kind: "route"; host: Host<LiveRoute>; hostname: string }
  | { kind: "refused"; reason: Refusal; alert: number };

/**
 * Finds the route. A client without TLS 1.3 is refused whatever it asks for, unless the name passes through (l4), where
 * the backend decides.
 */
export function admit(hello: ClientHello, listener: string, router: Pick<Router, "find">): Admission {
  const { serverName } = hello;
  // A name that no DNS name is (an address, RFC 6066 §3) can't have a route of its own.
  const hostname = serverName !== null && isHostname(serverName) ? serverName : "";
  const host = router.find(listener, hostname);
  const mode = host?.root.route.mode;
  if (mode !== "l4" && !hello.offersTls13) return refused("no_tls13", alerts.protocolVersion);
  // HTTP needs the name that the certificate is for; a passthrough route "*" takes anybody.
  if (serverName === null && mode !== "l4") return refused("no_sni", alerts.unrecognizedName);
  if (host === undefined || (mode === "l7" && hostname === "")) {
    return refused("unknown_name", alerts.unrecognizedName);
  }
  // RFC 7301 §3.2: a client that names protocols and none of ours is told so.
  if (mode === "l7" && hello.alpn.length > 0 && !hello.alpn.some((name) => protocols.includes(name))) {
    return refused("no_common_protocol", alertNoApplicationProtocol);
  }
  return { kind: "route", host, hostname };
}

function refused(reason: Refusal, alert: number): Admission {
  return { kind: "refused", reason, alert };
}
