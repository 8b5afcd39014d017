/**
 * The listener for plain HTTP, port 80: sends everybody to HTTPS, and answers ACME's http-01 challenges.
 * @module
 */
import type { Logger } from "@lib/log/mod.ts";
import type { Listener } from "../domain/listener.ts";
import { type Accepted, AcceptingPort } from "../listening/accepting_port.ts";
import type { Guard } from "../listening/guard.ts";
import type { Door } from "../listening/listener_set.ts";
import { receiveClient } from "../proxy_protocol/mod.ts";
import { fieldValue } from "../relay/fields.ts";
import type { Page } from "../relay/pages.ts";
import { ConnStream } from "../stream/conn_stream.ts";
import type { Deadlines } from "../stream/deadlines.ts";
import type { AccessEntry } from "../traffic/access_line.ts";
import type { AccessLog } from "../traffic/access_log.ts";
import type { Connections } from "../traffic/connections.ts";
import type { ListenerCounters } from "../traffic/counters.ts";
import type { PlainRequest } from "./plain_request.ts";
import { type RedirectLimits, type RedirectRules, RedirectSession } from "./redirect_session.ts";

export interface RedirectListenerOptions {
  listener: Listener;
  limits: RedirectLimits & { maxConnections: number; /** For a PROXY header, ms. */ helloMs: number };
  /** Reads addresses and networks. @throws PlatformError `invalid` for one that is none */
  networks(cidrs: readonly string[]): { has(address: string): boolean };
  guard: Guard;
  connections: Connections;
  rules: RedirectRules;
  deadlines: Deadlines;
  /** Null when none is configured. */
  accessLog: Pick<AccessLog, "write"> | null;
  /** Milliseconds since the epoch. */
  now(): number;
  log: Logger;
}

/** See the module. */
export class RedirectListener implements Door {
  readonly #options: RedirectListenerOptions;
  readonly #port: AcceptingPort;

  /**
   * Listens from here on; a second process may listen on the same address (a restart without a gap).
   * @throws PlatformError `unavailable` when the address can't be bound
   */
  constructor(options: RedirectListenerOptions) {
    this.#options = options;
    const { listener, limits, networks, guard, connections, now, log } = options;
    this.#port = new AcceptingPort({
      ...{ listener, networks, guard, connections, now, log },
      maxConnections: limits.maxConnections,
      serve: (conn, open) => this.#serve(conn, open),
    });
  }

  get address(): string {
    return this.#port.address;
  }

  get counters(): ListenerCounters {
    return this.#port.counters;
  }

  trust(senders: readonly string[]): void {
    this.#port.trust(senders);
  }

  close(drainMs: number): Promise<void> {
    return this.#port.close(drainMs);
  }

  async #serve(conn: Deno.TcpConn, open: Accepted): Promise<void> {
    const client = new ConnStream(conn);
    open.drain = open.destroy = () => client.destroy();
    try {
      await this.#answer(conn, client, open);
    } finally {
      client.destroy();
    }
  }

  async #answer(conn: Deno.TcpConn, client: ConnStream, open: Accepted): Promise<void> {
    const { listener: { name }, limits, guard, rules, deadlines, accessLog, now } = this.#options;
    const { shown } = open;
    const received = await receiveClient(conn, open.senders, { headerMs: limits.helloMs }, deadlines);
    if (received.kind === "refused") return this.counters.refuse(received.reason);
    const { address } = received.source;
    if (!guard.connection({ listener: name, address }).allowed) return this.counters.refuse("firewall");
    open.entered(received.source);
    client.unread(received.bytes);
    shown.protocol = "http/1.1";
    shown.stream = client;
    const session = new RedirectSession({
      client,
      rules,
      limits,
      deadlines,
      admit: (at) => guard.request({ listener: name, address, ...at }),
      requested: (hostname) => {
        shown.hostname = hostname;
        shown.requests++;
      },
      answered: (asked, what, rule) =>
        accessLog?.write({ at: now(), client: address, listener: name, rule, ...lineOf(asked, what) }),
      date: () => new Date(now()).toUTCString(),
    });
    open.drain = () => session.drain();
    if (open.draining) session.drain();
    await session.run();
  }
}

/** A line of the access log, but for what it has of its connection. */
function lineOf(
  asked: PlainRequest | null,
  { status, body }: Page,
): Omit<AccessEntry, "at" | "client" | "listener" | "rule"> {
  const request = asked?.request ?? null;
  const value = (name: string) => request === null ? "" : fieldValue(request.fields, name) ?? "";
  return {
    hostname: asked?.hostname ?? "",
    method: request?.method ?? "",
    target: request?.target ?? "",
    protocol: request?.version === "1.0" ? "http/1.0" : "http/1.1",
    status,
    requestBytes: 0,
    responseBytes: request?.method === "HEAD" ? 0 : body.length,
    // It is known at once.
    durationMs: 0,
    backend: "",
    user: "",
    userAgent: value("user-agent"),
    isTls: false,
    alpn: "",
    certificate: null,
    traceparent: value("traceparent"),
    requestId: value("x-request-id"),
    isCut: false,
  };
}
