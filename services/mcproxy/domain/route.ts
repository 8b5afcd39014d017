/**
 * A route: which backends serve a host name on a listener, and how.
 * Routes are checked here and nowhere else, so that the API, the seeds and the stored rows obey one rule set.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";
import { type Backend, parseBackend } from "./backend.ts";
import { certificatePath } from "./certificate_path.ts";
import { type ClientCertificates, parseClientCertificates } from "./client_certificate.ts";
import { type HealthCheck, type HealthCheckInput, parseHealthCheck } from "./health_check.ts";
import { parseHostname, parseRouteName } from "./hostname.ts";
import { type BackendProtocol, type HeaderEdit, parseEdits, parseRedirect, type Redirect } from "./route_http.ts";
import { parseRoutePath } from "./route_path.ts";
import { parseSignIn, type SignIn, type SignInInput } from "./sign_in.ts";

/** `l4`: bytes pass as they are, TLS included. `l7`: TLS ends here, and HTTP goes to the backend. */
export type RouteMode = "l4" | "l7";

/** PROXY protocol sent to backends; "" for none. */
export type ProxyHeaderVersion = "" | "v1" | "v2";

/** A checked route. */
export interface Route extends ClientCertificates {
  /** Name of the listener. */
  readonly listener: string;
  /** Lower case; exact, "*.example.org" or "*". */
  readonly hostname: string;
  /** L7: requests for it and below it; "/" on l4. */
  readonly path: string;
  readonly mode: RouteMode;
  /** At least one, unless the route redirects or is in maintenance. */
  readonly backends: readonly Backend[];
  /** Absolute path of the PEM chain below the certificate folder; "" on l4, with `acme`, and on paths other than "/". */
  readonly tlsCert: string;
  /** Absolute path of the PEM key, as `tlsCert`. */
  readonly tlsKey: string;
  /** The certificate is got by ACME. */
  readonly acme: boolean;
  readonly sendProxyProtocol: ProxyHeaderVersion;
  readonly backendProtocol: BackendProtocol;
  /** `tls`: the name in the backend's certificate. */
  readonly backendName: string;
  /** `tls`: any certificate will do. */
  readonly backendInsecure: boolean;
  readonly stripPath: boolean;
  readonly requestHeaders: readonly HeaderEdit[];
  readonly responseHeaders: readonly HeaderEdit[];
  readonly redirect: Redirect | null;
  /** Answered with 503 instead of a backend while not "". */
  readonly maintenance: string;
  readonly compress: boolean;
  /** Longest request body, bytes; 0 for any. */
  readonly maxBodyBytes: number;
  /** From the end of a request to its response's head, ms; 0 for the configuration's. */
  readonly responseTimeoutMs: number;
  readonly healthCheck: HealthCheck | null;
  /** Null for everybody. */
  readonly signIn: SignIn | null;
}

/** A route as callers write it. */
export interface RouteInput {
  listener: string;
  hostname: string;
  mode: string;
  backends: readonly string[];
  tlsCert: string;
  tlsKey: string;
  path?: string;
  acme?: boolean;
  sendProxyProtocol?: string;
  backendProtocol?: string;
  backendName?: string;
  backendInsecure?: boolean;
  stripPath?: boolean;
  requestHeaders?: readonly { op: string; name: string; value: string }[];
  responseHeaders?: readonly { op: string; name: string; value: string }[];
  redirect?: { status: number; to: string } | null | undefined;
  maintenance?: string;
  compress?: boolean;
  maxBodyBytes?: number | bigint;
  responseTimeoutMs?: number;
  healthCheck?: HealthCheckInput | null | undefined;
  signIn?: SignInInput | null | undefined;
  clientCa?: string;
  clientCert?: string;
}

/** What the configuration permits. */
export interface RouteRules {
  listeners: readonly string[];
  /** Those that pass bytes on without TLS: their one route is the l4 route "*". */
  plainListeners?: readonly string[];
  /** `[backends] allow_hosts`. */
  allowedHosts: readonly string[];
  /** `[certificates] dir`, absolute. */
  certificateDir: string;
  /** There is an MCIAS to ask who somebody is; absent for no. */
  hasMcias?: boolean;
}

/** More backends than this on one route is a mistake; it bounds the work of choosing one. */
export const maxBackends = 64;

/** @throws PlatformError `invalid` naming the field, the rule and the value */
export function parseRoute(input: RouteInput, rules: RouteRules): Route {
  if (!rules.listeners.includes(input.listener)) {
    throw invalid("listener", `must be one of ${rules.listeners.join(", ")}, got ${quote(input.listener)}`, {
      hint: 'Listeners are "[[listeners]]" in mcproxy.toml, or made with "mcproxyctl listener put"',
    });
  }
  const hostname = parseRouteName(input.hostname);
  const mode = parseMode(input.mode);
  const redirect = parseRedirect(input.redirect);
  const maintenance = parseMaintenance(input.maintenance ?? "");
  const backends = parseBackends(input.backends, rules.allowedHosts, redirect !== null || maintenance !== "");
  const common = { listener: input.listener, hostname, mode, backends };
  const sendProxyProtocol = parseProxyHeader(input.sendProxyProtocol ?? "");
  if (rules.plainListeners?.includes(input.listener) && (mode !== "l4" || hostname !== "*")) {
    throw invalid("hostname", `listener ${quote(input.listener)} knows no names: its route is mode "l4", hostname "*"`);
  }
  if (mode === "l4") {
    refuseOnL4(input);
    return { ...common, path: "/", tlsCert: "", tlsKey: "", ...plainSettings, sendProxyProtocol };
  }
  const path = parseRoutePath(input.path ?? "");
  return {
    ...common,
    path,
    ...parseCertificate(input, path, hostname, rules.certificateDir),
    sendProxyProtocol,
    ...parseBackendProtocol(input),
    stripPath: input.stripPath ?? false,
    requestHeaders: parseEdits(input.requestHeaders ?? [], "request_headers"),
    responseHeaders: parseEdits(input.responseHeaders ?? [], "response_headers"),
    redirect,
    maintenance,
    compress: input.compress ?? false,
    maxBodyBytes: parseMaxBody(input.maxBodyBytes ?? 0),
    responseTimeoutMs: parseTimeout(input.responseTimeoutMs ?? 0),
    healthCheck: parseHealthCheck(input.healthCheck),
    signIn: parseSignIn(input.signIn, rules.hasMcias === true),
    ...parseClientCertificates(input, path, rules.certificateDir),
  };
}

/** What a route has that asks for nothing; the order of the keys is that of stored settings. */
export const plainSettings = {
  acme: false,
  sendProxyProtocol: "",
  backendProtocol: "h1",
  backendName: "",
  backendInsecure: false,
  stripPath: false,
  requestHeaders: [],
  responseHeaders: [],
  redirect: null,
  maintenance: "",
  compress: false,
  maxBodyBytes: 0,
  responseTimeoutMs: 0,
  healthCheck: null,
  signIn: null,
  clientCa: "",
  clientCert: "",
} as const;

/** What needs HTTP to be read can't be asked of a route that doesn't read it. */
function refuseOnL4(input: RouteInput): void {
  if (input.tlsCert !== "") throw invalid("tls_cert", "an l4 route passes TLS through and takes no certificate");
  if (input.tlsKey !== "") throw invalid("tls_key", "an l4 route passes TLS through and takes no key");
  const given: [field: string, given: boolean][] = [
    ["path", !["", "/"].includes(input.path ?? "")],
    ["acme", input.acme === true],
    ["backend_protocol", (input.backendProtocol ?? "") !== "" && input.backendProtocol !== "h1"],
    ["backend_name", (input.backendName ?? "") !== ""],
    ["backend_insecure", input.backendInsecure === true],
    ["strip_path", input.stripPath === true],
    ["request_headers", (input.requestHeaders ?? []).length > 0],
    ["response_headers", (input.responseHeaders ?? []).length > 0],
    ["redirect", (input.redirect ?? null) !== null],
    ["maintenance", (input.maintenance ?? "") !== ""],
    ["compress", input.compress === true],
    ["max_body_bytes", Number(input.maxBodyBytes ?? 0) !== 0],
    ["response_timeout_ms", (input.responseTimeoutMs ?? 0) !== 0],
    ["health_check", (input.healthCheck ?? null) !== null],
    ["sign_in", (input.signIn ?? null) !== null],
    ["client_ca", (input.clientCa ?? "") !== ""],
    ["client_cert", (input.clientCert ?? "") !== ""],
  ];
  for (const [field, isGiven] of given) {
    if (isGiven) throw invalid(field, 'is for HTTP, which an l4 route does not read; use mode "l7" or leave it out');
  }
}

function parseBackends(texts: readonly string[], allowedHosts: readonly string[], mayBeNone: boolean): Backend[] {
  if (texts.length === 0 && !mayBeNone) throw invalid("backends", `needs at least one "host:port"`);
  if (texts.length > maxBackends) throw invalid("backends", `takes at most ${maxBackends}, got ${texts.length}`);
  const backends = texts.map((text) => parseBackend(text, allowedHosts));
  const keys = new Set<string>();
  for (const { key } of backends) {
    if (keys.has(key)) throw invalid("backends", `${quote(key)} is listed twice`);
    keys.add(key);
  }
  return backends;
}

function parseCertificate(input: RouteInput, path: string, hostname: string, dir: string) {
  const acme = input.acme ?? false;
  if (acme || path !== "/") {
    const why = acme ? "ACME brings the certificate" : 'the certificate is that of the route for "/"';
    if (input.tlsCert !== "") throw invalid("tls_cert", `must be empty: ${why}`);
    if (input.tlsKey !== "") throw invalid("tls_key", `must be empty: ${why}`);
    if (acme && path !== "/") throw invalid("acme", 'is asked for on the route for "/"');
    if (acme && hostname.startsWith("*")) {
      throw invalid("acme", `needs an exact name, got ${quote(hostname)}; wildcards need a certificate of your own`);
    }
    return { tlsCert: "", tlsKey: "", acme };
  }
  return {
    tlsCert: certificatePath(input.tlsCert, dir, "tls_cert"),
    tlsKey: certificatePath(input.tlsKey, dir, "tls_key"),
    acme,
  };
}

function parseBackendProtocol(input: RouteInput) {
  const protocol = input.backendProtocol ?? "";
  if (protocol !== "" && protocol !== "h1" && protocol !== "h2c" && protocol !== "tls") {
    throw invalid("backend_protocol", `must be "h1", "h2c" or "tls", got ${quote(protocol)}`);
  }
  const name = input.backendName ?? "";
  const isInsecure = input.backendInsecure ?? false;
  if (protocol !== "tls") {
    if (name !== "") throw invalid("backend_name", 'is for backend_protocol "tls"');
    if (isInsecure) throw invalid("backend_insecure", 'is for backend_protocol "tls"');
  } else if (!isInsecure && name === "") {
    throw invalid("backend_name", "must be the name in the backend's certificate", {
      hint: "backend_insecure takes any certificate, and anybody on the way could read and change everything",
    });
  }
  return {
    backendProtocol: protocol === "" ? "h1" : protocol,
    backendName: name === "" ? "" : parseHostname(name, "backend_name"),
    backendInsecure: isInsecure,
  } as const;
}

function parseProxyHeader(text: string): ProxyHeaderVersion {
  if (text === "" || text === "v1" || text === "v2") return text;
  throw invalid("send_proxy_protocol", `must be "", "v1" or "v2", got ${quote(text)}`);
}

function parseMaintenance(text: string): string {
  if (text.length <= 2000) return text;
  throw invalid("maintenance", `takes at most 2000 characters, got ${text.length}`);
}

function parseMaxBody(value: number | bigint): number {
  const bytes = Number(value);
  if (Number.isSafeInteger(bytes) && bytes >= 0) return bytes;
  throw invalid("max_body_bytes", `must be a whole number of bytes, got ${value}`);
}

function parseTimeout(ms: number): number {
  if (ms <= 86_400_000) return ms;
  throw invalid("response_timeout_ms", `must be at most a day (86400000), got ${ms}`);
}

function parseMode(text: string): RouteMode {
  if (text === "l4" || text === "l7") return text;
  throw invalid("mode", `must be "l4" or "l7", got ${quote(text)}`);
}

/** The identity of a route: no two have the same. */
export function routeKey(listener: string, hostname: string, path: string): string {
  return `${listener} ${hostname}${path === "/" ? "" : path}`;
}
