/**
 * What has passed since the start, in plain fields: hot paths count here, the API and the metrics read.
 * @module
 */
import { LatencyHistogram } from "./latency.ts";

/** Why a connection was closed before a route took it. */
export const refusals = [
  "too_many_connections",
  "firewall",
  "no_proxy_header",
  "malformed_proxy_header",
  "proxy_header_timeout",
  "no_route",
  "closed_early",
  "hello_timeout",
  "hello_too_large",
  "not_tls",
  "malformed_hello",
  "no_tls13",
  "no_sni",
  "unknown_name",
  "no_certificate",
  "no_common_protocol",
  "handshake_failed",
  "no_client_ca",
  "no_client_certificate",
  "bad_client_certificate",
  "stale_session",
] as const;
export type Refusal = typeof refusals[number];

/** Of one listener. */
export class ListenerCounters {
  accepted = 0;
  active = 0;
  readonly refused = new Map<Refusal, number>();
  /** HTTP/2 connections that ended by a fault, by its name (lib/http2/fault.ts). */
  readonly h2Faults = new Map<string, number>();

  refuse(reason: Refusal): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
  }

  h2Fault(fault: string): void {
    this.h2Faults.set(fault, (this.h2Faults.get(fault) ?? 0) + 1);
  }
}

/** Of one route; they outlive changes of the route. */
export class RouteCounters {
  connections = 0;
  active = 0;
  requests = 0;
  /** From clients: TLS records as they are on L4, decrypted bytes on L7. */
  bytesIn = 0;
  /** To clients. */
  bytesOut = 0;
  /** Refused or lost backend connections, time-outs and malformed responses. */
  backendErrors = 0;
  /** From a request's head to its response's. */
  readonly latency = new LatencyHistogram();
  /** By the first digit of the status. */
  readonly #responses = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

  /** Something was answered. @param status 0 when nothing was */
  answered(status: number): void {
    this.#responses[Math.trunc(status / 100)]!++;
  }

  /** Classes of which there were any: "2xx" and so on. */
  responses(): [name: string, count: number][] {
    return this.#responses.flatMap((count, digit): [string, number][] =>
      digit > 0 && count > 0 ? [[`${digit}xx`, count]] : []
    );
  }
}
