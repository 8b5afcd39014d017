/**
 * A route as its form holds it: texts, of which the API's request is made.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";
import type { Form } from "@lib/web/mod.ts";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PutRouteRequestSchema, Route } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { wordsOf } from "./desk.ts";

/** The form's fields; "1" for a ticked box. */
export const routeFields = [
  "listener",
  "hostname",
  "path",
  "mode",
  "backends",
  "tls_cert",
  "tls_key",
  "acme",
  "client_cert",
  "client_ca",
  "backend_protocol",
  "backend_name",
  "backend_insecure",
  "send_proxy_protocol",
  "strip_path",
  "request_headers",
  "response_headers",
  "redirect_status",
  "redirect_to",
  "maintenance",
  "compress",
  "max_body_bytes",
  "response_timeout_ms",
  "health_check",
  "health_path",
  "health_host",
  "health_statuses",
  "health_interval_ms",
  "health_timeout_ms",
  "sign_in",
  "sign_in_allow",
] as const;
export type RouteDraft = Readonly<Record<typeof routeFields[number], string>>;

type HeaderEdits = readonly { op: string; name: string; value: string }[];

export const emptyDraft: RouteDraft = {
  ...Object.fromEntries(routeFields.map((field) => [field, ""])) as RouteDraft,
  mode: "l7",
  backend_protocol: "h1",
};

export function draftOf(route: Route): RouteDraft {
  const { healthCheck, redirect } = route;
  const tick = (isSet: boolean) => isSet ? "1" : "";
  const number = (value: bigint | number) => Number(value) === 0 ? "" : String(value);
  return {
    listener: route.listener,
    hostname: route.hostname,
    path: route.path === "/" ? "" : route.path,
    mode: route.mode,
    backends: route.backends.join("\n"),
    tls_cert: route.tlsCert,
    tls_key: route.tlsKey,
    acme: tick(route.acme),
    client_cert: route.clientCert,
    client_ca: route.clientCa,
    backend_protocol: route.backendProtocol,
    backend_name: route.backendName,
    backend_insecure: tick(route.backendInsecure),
    send_proxy_protocol: route.sendProxyProtocol,
    strip_path: tick(route.stripPath),
    request_headers: editsText(route.requestHeaders),
    response_headers: editsText(route.responseHeaders),
    redirect_status: redirect === undefined ? "" : String(redirect.status),
    redirect_to: redirect?.to ?? "",
    maintenance: route.maintenance,
    compress: tick(route.compress),
    max_body_bytes: number(route.maxBodyBytes),
    response_timeout_ms: number(route.responseTimeoutMs),
    health_check: tick(healthCheck !== undefined),
    health_path: healthCheck?.path ?? "",
    health_host: healthCheck?.host ?? "",
    health_statuses: healthCheck?.expectedStatuses.join(", ") ?? "",
    health_interval_ms: number(healthCheck?.intervalMs ?? 0),
    health_timeout_ms: number(healthCheck?.timeoutMs ?? 0),
    sign_in: tick(route.signIn !== undefined),
    sign_in_allow: route.signIn?.allow.join(", ") ?? "",
  };
}

export function draftFrom(form: Form): RouteDraft {
  return Object.fromEntries(
    // Browsers send line ends of text areas as CR LF.
    routeFields.map((field) => [field, (form.optional(field) ?? "").replaceAll("\r\n", "\n").trim()]),
  ) as RouteDraft;
}

/** @throws PlatformError `invalid` for what isn't a number, or isn't an edit */
export function requestOf(draft: RouteDraft): MessageInitShape<typeof PutRouteRequestSchema> {
  const { redirect_to: to, redirect_status: status } = draft;
  return {
    listener: draft.listener,
    hostname: draft.hostname,
    path: draft.path,
    mode: draft.mode,
    backends: wordsOf(draft.backends),
    tlsCert: draft.tls_cert,
    tlsKey: draft.tls_key,
    acme: draft.acme !== "",
    clientCert: draft.client_cert,
    clientCa: draft.client_ca,
    backendProtocol: draft.mode === "l4" ? "" : draft.backend_protocol,
    backendName: draft.backend_name,
    backendInsecure: draft.backend_insecure !== "",
    sendProxyProtocol: draft.send_proxy_protocol,
    stripPath: draft.strip_path !== "",
    requestHeaders: parseEdits(draft.request_headers, "request_headers"),
    responseHeaders: parseEdits(draft.response_headers, "response_headers"),
    ...(to === "" ? {} : { redirect: { status: status === "" ? 308 : Number(status), to } }),
    maintenance: draft.maintenance,
    compress: draft.compress !== "",
    maxBodyBytes: BigInt(whole(draft.max_body_bytes, "max_body_bytes")),
    responseTimeoutMs: whole(draft.response_timeout_ms, "response_timeout_ms"),
    ...(draft.health_check === "" ? {} : {
      healthCheck: {
        path: draft.health_path,
        host: draft.health_host,
        expectedStatuses: wordsOf(draft.health_statuses),
        intervalMs: whole(draft.health_interval_ms, "health_interval_ms"),
        timeoutMs: whole(draft.health_timeout_ms, "health_timeout_ms"),
      },
    }),
    ...(draft.sign_in === "" && draft.sign_in_allow === "" ? {} : { signIn: { allow: wordsOf(draft.sign_in_allow) } }),
  };
}

/** "" is 0. */
export function whole(text: string, field: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(field, `must be a whole number, got ${quote(text)}`);
}

function editsText(edits: HeaderEdits): string {
  return edits.map(({ op, name, value }) => op === "remove" ? `remove ${name}` : `${op} ${name}: ${value}`).join("\n");
}

/** A line each: "set name: value", "add name: value", "remove name". */
function parseEdits(text: string, field: string): { op: string; name: string; value: string }[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "").map((line) => {
    const match = /^(set|add) ([^\s:]+) *: *(.*)$|^(remove) (\S+)$/.exec(line);
    if (match === null) {
      throw invalid(field, `takes lines like "set x-frame-options: DENY" or "remove server", got ${quote(line)}`);
    }
    return { op: match[1] ?? match[4]!, name: match[2] ?? match[5]!, value: match[3] ?? "" };
  });
}
