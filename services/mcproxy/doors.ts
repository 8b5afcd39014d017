/**
 * Opens listeners by their kind, with all that connections need.
 * @module
 */
import type { Acme } from "./acme/acme.ts";
import { parsePort } from "./domain/port.ts";
import type { Listener } from "./domain/listener.ts";
import type { Door, ListenerSet } from "./listening/listener_set.ts";
import { Networks } from "./listening/networks.ts";
import { RedirectListener } from "./redirect/redirect_listener.ts";
import { Ingress, type IngressOptions } from "./tls/ingress.ts";

export interface DoorOptions extends Omit<IngressOptions, "listener" | "networks" | "challenge"> {
  /** Null where none is configured. */
  acme: Acme | null;
  /** Those that are open; asked per request. */
  listeners(): ListenerSet;
}

/** @returns what opens a listener; it throws PlatformError `unavailable` when the address can't be bound */
export function doorOpener({ acme, listeners, ...parts }: DoorOptions): (listener: Listener) => Door {
  const networks = (cidrs: readonly string[]) => new Networks(cidrs);
  return (listener) => {
    if (listener.kind !== "http") {
      const challenge: IngressOptions["challenge"] = (hello) => acme?.challenges.tlsAnswer(hello) ?? null;
      return new Ingress({ ...parts, listener, networks, challenge });
    }
    const { limits, guard, connections, router, deadlines, accessLog, clock, log } = parts;
    return new RedirectListener({
      ...{ listener, networks, guard, connections, deadlines, accessLog, log },
      limits: {
        head: limits.http.head,
        headMs: limits.http.headMs,
        helloMs: limits.helloMs,
        maxConnections: limits.maxConnections,
      },
      rules: {
        httpsPort: (hostname) => {
          const tls = listeners().all().filter((open) => open.listener.kind === "tls");
          const serving = tls.find((open) => router.find(open.listener.name, hostname) !== undefined);
          return serving === undefined ? null : parsePort(serving.address);
        },
        challengeAnswer: (token, hostname) => acme?.challenges.httpAnswer(token, hostname) ?? null,
      },
      now: () => clock.now(),
    });
  };
}
