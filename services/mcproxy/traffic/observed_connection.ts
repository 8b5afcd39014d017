/**
 * The requests of one connection, as counters and the access log take them.
 * @module
 */
import type { Clock } from "@lib/clock/mod.ts";
import { fieldValue } from "../relay/fields.ts";
import type { RequestHead } from "../relay/message.ts";
import type { ExchangeObserver, ObservedExchange, Outcome } from "../relay/observer.ts";
import type { AccessEntry, CertifiedClient } from "./access_line.ts";
import type { AccessLog } from "./access_log.ts";
import type { RouteCounters } from "./counters.ts";

export interface ObservedConnectionOptions {
  clock: Clock;
  /** Null when none is configured. */
  accessLog: Pick<AccessLog, "write"> | null;
  listener: string;
  /** The client's address without a port. */
  client: string;
  /** The name in SNI. */
  hostname: string;
  /** As the handshake agreed. */
  alpn: string;
  certificate: CertifiedClient | null;
  /** Of the name's route for "/": what is answered before a route is chosen counts there. */
  counters: RouteCounters;
}

/** See the module. */
export class ObservedConnection implements ExchangeObserver {
  constructor(readonly options: ObservedConnectionOptions) {}

  began(request: RequestHead): ObservedExchange {
    return new ObservedRequest(this.options, request);
  }

  refused(status: number): void {
    const { clock, accessLog, counters, listener, client, hostname, alpn, certificate } = this.options;
    counters.answered(status);
    accessLog?.write({
      ...{ at: clock.now(), client, listener, hostname, method: "", target: "" },
      protocol: alpn === "h2" ? "h2" : "http/1.1",
      ...{ status, requestBytes: 0, responseBytes: 0, durationMs: 0, backend: "", rule: "", user: "", userAgent: "" },
      ...{ isTls: true, alpn, certificate, traceparent: "", requestId: "", isCut: false },
    });
  }
}

class ObservedRequest implements ObservedExchange {
  readonly #options: ObservedConnectionOptions;
  readonly #request: RequestHead;
  /** By the monotonic clock. */
  readonly #began: number;
  /** From the request's head to the response's; -1 before that. */
  #headMs = -1;

  constructor(options: ObservedConnectionOptions, request: RequestHead) {
    this.#options = options;
    this.#request = request;
    this.#began = options.clock.monotonic();
  }

  answered(): void {
    this.#headMs = this.#options.clock.monotonic() - this.#began;
  }

  finished(outcome: Outcome): void {
    const counters = outcome.route?.counters ?? this.#options.counters;
    counters.answered(outcome.status);
    // What the firewall refuses takes no time, and would make slow backends look fast.
    if (outcome.route !== null && this.#headMs >= 0) counters.latency.observe(this.#headMs);
    this.#options.accessLog?.write(this.#entry(outcome));
  }

  #entry({ status, bytesIn, bytesOut, backend, rule, user, isCut }: Outcome): AccessEntry {
    const { clock, listener, client, hostname, alpn, certificate } = this.#options;
    const { method, target, version, fields } = this.#request;
    const durationMs = clock.monotonic() - this.#began;
    const value = (name: string) => fieldValue(fields, name) ?? "";
    return {
      at: clock.now() - durationMs,
      client,
      listener,
      hostname,
      method,
      target,
      protocol: version === "2.0" ? "h2" : version === "1.1" ? "http/1.1" : "http/1.0",
      status,
      requestBytes: bytesIn,
      responseBytes: bytesOut,
      durationMs,
      backend,
      rule,
      user,
      userAgent: value("user-agent"),
      isTls: true,
      alpn,
      certificate,
      traceparent: value("traceparent"),
      requestId: value("x-request-id"),
      isCut,
    };
  }
}
