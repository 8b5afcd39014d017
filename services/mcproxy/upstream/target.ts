/**
 * What makes two connections to backends interchangeable.
 * @module
 */
import type { Backend } from "../domain/backend.ts";
import type { ProxyHeaderVersion, Route } from "../domain/route.ts";
import type { BackendProtocol } from "../domain/route_http.ts";

/** An address, and how it is spoken to. */
export interface Target {
  readonly backend: Backend;
  readonly protocol: BackendProtocol;
  /** `tls`: the name that the certificate must have; "" where any will do. */
  readonly name: string;
  readonly isVerified: boolean;
  readonly proxyHeader: ProxyHeaderVersion;
  /** Identity. */
  readonly key: string;
}

/** The part of a route that targets are made of. */
export type TargetRoute = Pick<Route, "backendProtocol" | "backendName" | "backendInsecure" | "sendProxyProtocol">;

export function targetOf(backend: Backend, route: TargetRoute): Target {
  const { backendProtocol: protocol, backendName: name, sendProxyProtocol: proxyHeader } = route;
  const isVerified = protocol === "tls" && !route.backendInsecure;
  return {
    backend,
    protocol,
    name,
    isVerified,
    proxyHeader,
    key: [backend.key, protocol, name, isVerified ? "verified" : "", proxyHeader].join(" "),
  };
}

/** A backend that bytes are passed to as they are. */
export function plainTarget(backend: Backend): Target {
  return targetOf(backend, { backendProtocol: "h1", backendName: "", backendInsecure: false, sendProxyProtocol: "" });
}
