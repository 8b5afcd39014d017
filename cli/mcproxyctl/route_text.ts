/** Routes in words. */
import { basename } from "node:path";
import { time } from "@lib/cli/mod.ts";
import { type Column } from "@lib/terminal/mod.ts";
import type { HeaderEdit, HealthCheck, Route } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { sizeText, timeText } from "./amounts.ts";

/** What identifies a route. */
export interface RouteKey {
  readonly listener: string;
  readonly hostname: string;
  readonly path: string;
}

/** "https example.org/api". */
export function routeName({ listener, hostname, path }: RouteKey): string {
  return `${listener} ${hostname}${path === "/" || path === "" ? "" : path}`;
}

/** Where its requests go, shortly. */
export function destination({ maintenance, redirect, backendProtocol, backends }: Route): string {
  if (maintenance !== "") return "maintenance";
  if (redirect !== undefined) return `${redirect.status} ${redirect.to}`;
  const plain = backendProtocol === "h1" || backendProtocol === "";
  return `${plain ? "" : `${backendProtocol} `}${backends.join(" ")}`;
}

export const routeColumns: readonly Column<Route>[] = [
  { heading: "listener", cell: ({ listener }) => listener },
  { heading: "host", cell: ({ hostname }) => hostname },
  { heading: "path", cell: ({ path, mode }) => mode === "l4" ? "" : path },
  { heading: "mode", cell: ({ mode }) => mode },
  { heading: "to", cell: destination },
  { heading: "certificate", cell: ({ acme, tlsCert }) => acme ? "acme" : basename(tlsCert) },
];

/** All that is set on a route, a line each. */
export function routeFacts(route: Route): [name: string, value: string][] {
  const { mode, path, redirect, maintenance, healthCheck, signIn } = route;
  const rows: [string, string, boolean?][] = [
    ["host", route.hostname],
    ["listener", route.listener],
    ["mode", mode === "l4" ? "l4, bytes pass as they are" : "l7, TLS ends here"],
    ["path", `${path}${route.stripPath ? ", not passed on" : ""}`, mode === "l7"],
    ["maintenance", maintenance, maintenance !== ""],
    ["redirect", `${redirect?.status} to ${redirect?.to}`, redirect !== undefined],
    ["backends", route.backends.join(" ") || "none"],
    ["protocol", protocolText(route), mode === "l7" && route.backends.length > 0],
    ["certificate", route.acme ? "by ACME" : route.tlsCert, route.acme || route.tlsCert !== ""],
    ["key", route.tlsKey, route.tlsKey !== ""],
    ["clients", `certificate ${route.clientCert}, issued by a CA in ${route.clientCa}`, route.clientCert !== ""],
    ["proxy header", `${route.sendProxyProtocol} to the backends`, route.sendProxyProtocol !== ""],
    ...editRows("request", route.requestHeaders),
    ...editRows("response", route.responseHeaders),
    ["compresses", "text", route.compress],
    ["max body", sizeText(route.maxBodyBytes), route.maxBodyBytes > 0n],
    ["time-out", `${timeText(route.responseTimeoutMs)} for a response's head`, route.responseTimeoutMs > 0],
    ["sign-in", signIn === undefined ? "" : signInText(signIn.allow), signIn !== undefined],
    ["health", healthCheck === undefined ? "" : healthText(healthCheck), healthCheck !== undefined],
    ["created", time(route.createdAt)],
    ["changed", time(route.updatedAt)],
    ["version", route.version],
  ];
  return rows.filter(([, , isSet = true]) => isSet).map(([name, value]) => [name, value]);
}

function healthText({ path, host, expectedStatuses, intervalMs, timeoutMs }: HealthCheck): string {
  const asked = `${path || "a connection"}${host === "" ? "" : ` of ${host}`}`;
  const well = expectedStatuses.length === 0 ? "" : `, well with ${expectedStatuses.join(" ")}`;
  return `${asked} every ${timeText(intervalMs)}, within ${timeText(timeoutMs)}${well}`;
}

function signInText(allow: readonly string[]): string {
  if (allow.length === 0) return "every account";
  return allow.map((who) => who.startsWith("account:") ? who.replace(":", " ") : `role ${who}`).join(", ");
}

function protocolText({ backendProtocol, backendInsecure, backendName }: Route): string {
  if (backendProtocol !== "tls") return backendProtocol === "h2c" ? "HTTP/2 in the clear" : "HTTP/1.1 in the clear";
  return backendInsecure ? "TLS, certificate NOT verified" : `TLS, certificate for ${backendName}`;
}

function editRows(what: string, edits: readonly HeaderEdit[]): [string, string][] {
  return edits.map((edit, i) => [i === 0 ? `${what} headers` : "", editText(edit)]);
}

const editForm = /^(set|add) ([^\s:]+): ?(.*)$|^(remove) ([^\s:]+)$/;

/** Reads "set NAME: VALUE", "add NAME: VALUE" or "remove NAME". */
export function parseEdit(text: string): { op: string; name: string; value: string } {
  const [, op, name, value = "", remove, removed] = editForm.exec(text) ?? [];
  if (op !== undefined && name !== undefined) return { op, name, value };
  if (remove !== undefined && removed !== undefined) return { op: remove, name: removed, value: "" };
  throw new Error("must be 'set NAME: VALUE', 'add NAME: VALUE' or 'remove NAME'");
}

function editText({ op, name, value }: HeaderEdit): string {
  return op === "remove" ? `remove ${name}` : `${op} ${name}: ${value}`;
}

/** Reads "308 https://other.example{uri}"; without a status it is 308, which keeps method and body. */
export function parseRedirect(text: string): { status: number; to: string } {
  const [, status = "308", to = ""] = /^(?:(\d{3}) )?(\S+)$/.exec(text) ?? [];
  if (to === "") throw new Error("must be a status and where to, like '308 https://other.example{uri}'");
  return { status: Number(status), to };
}
