/**
 * A route: which backends serve a host name on a listener, and how.
 * Routes are checked here and nowhere else, so that the API, the seeds and the stored rows obey one rule set.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";
import { type Backend, parseBackend } from "./backend.ts";
import { certificatePath } from "./certificate_path.ts";
import { parseHostname } from "./hostname.ts";

/** `l4`: bytes pass as they are, TLS included. `l7`: TLS ends here, HTTP goes to the backend in the clear. */
export type RouteMode = "l4" | "l7";

/** A checked route. */
export interface Route {
  /** Name of the listener in the configuration. */
  readonly listener: string;
  /** Exact name, lower case. */
  readonly hostname: string;
  readonly mode: RouteMode;
  /** At least one. */
  readonly backends: readonly Backend[];
  /** L7: absolute path of the PEM chain below the certificate folder; "" on l4. */
  readonly tlsCert: string;
  /** L7: absolute path of the PEM key; "" on l4. */
  readonly tlsKey: string;
}

/** A route as callers write it. */
export interface RouteInput {
  listener: string;
  hostname: string;
  mode: string;
  backends: readonly string[];
  tlsCert: string;
  tlsKey: string;
}

/** What the configuration permits. */
export interface RouteRules {
  listeners: readonly string[];
  /** `[backends] allow_hosts`. */
  allowedHosts: readonly string[];
  /** `[certificates] dir`, absolute. */
  certificateDir: string;
}

/** More backends than this on one route is a mistake; it bounds the work of choosing one. */
export const maxBackends = 64;

/** @throws PlatformError `invalid` naming the field, the rule and the value */
export function parseRoute(input: RouteInput, rules: RouteRules): Route {
  if (!rules.listeners.includes(input.listener)) {
    throw invalid("listener", `must be one of ${rules.listeners.join(", ")}, got ${quote(input.listener)}`, {
      hint: 'Listeners are "[[listeners]]" in mcproxy.toml',
    });
  }
  const hostname = parseHostname(input.hostname);
  const mode = parseMode(input.mode);
  if (input.backends.length === 0) throw invalid("backends", `needs at least one "host:port"`);
  if (input.backends.length > maxBackends) {
    throw invalid("backends", `takes at most ${maxBackends}, got ${input.backends.length}`);
  }
  const backends = input.backends.map((text) => parseBackend(text, rules.allowedHosts));
  const keys = new Set<string>();
  for (const { key } of backends) {
    if (keys.has(key)) throw invalid("backends", `${quote(key)} is listed twice`);
    keys.add(key);
  }
  if (mode === "l4") {
    if (input.tlsCert !== "") throw invalid("tls_cert", "an l4 route passes TLS through and takes no certificate");
    if (input.tlsKey !== "") throw invalid("tls_key", "an l4 route passes TLS through and takes no key");
    return { listener: input.listener, hostname, mode, backends, tlsCert: "", tlsKey: "" };
  }
  return {
    listener: input.listener,
    hostname,
    mode,
    backends,
    tlsCert: certificatePath(input.tlsCert, rules.certificateDir, "tls_cert"),
    tlsKey: certificatePath(input.tlsKey, rules.certificateDir, "tls_key"),
  };
}

function parseMode(text: string): RouteMode {
  if (text === "l4" || text === "l7") return text;
  throw invalid("mode", `must be "l4" or "l7", got ${quote(text)}`);
}

/** The identity of a route: no two have the same. */
export function routeKey(listener: string, hostname: string): string {
  return `${listener} ${hostname}`;
}
