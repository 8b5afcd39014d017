/**
 * What happens to a connection once its ClientHello is known.
 * @module
 */
import { alerts, type ClientHello } from "@lib/tls/mod.ts";
import { isHostname } from "../domain/hostname.ts";
import type { LiveRoute, Router } from "../routing/router.ts";
import type { Refusal } from "../traffic/counters.ts";

/** RFC 7301 §3.2 no_application_protocol. */
const alertNoApplicationProtocol = 120;

export type Admission =
  | { kind: "route"; live: LiveRoute; hostname: string }
  | { kind: "refused"; reason: Refusal; alert: number };

/**
 * Finds the route. A client without TLS 1.3 is refused whatever it asks for, unless the name passes through (l4), where
 * the backend decides.
 */
export function admit(hello: ClientHello, listener: string, router: Pick<Router, "find">): Admission {
  const { serverName } = hello;
  const hostname = serverName !== null && isHostname(serverName) ? serverName : null;
  const live = hostname === null ? undefined : router.find(listener, hostname);
  if (live?.route.mode !== "l4" && !hello.offersTls13) return refused("no_tls13", alerts.protocolVersion);
  if (serverName === null) return refused("no_sni", alerts.unrecognizedName);
  if (live === undefined || hostname === null) return refused("unknown_name", alerts.unrecognizedName);
  // RFC 7301 §3.2: a client that names protocols and none of ours is told so.
  if (live.route.mode === "l7" && hello.alpn.length > 0 && !hello.alpn.includes("http/1.1")) {
    return refused("no_common_protocol", alertNoApplicationProtocol);
  }
  return { kind: "route", live, hostname };
}

function refused(reason: Refusal, alert: number): Admission {
  return { kind: "refused", reason, alert };
}
