/**
 * A connection from its accept to its route: who the client is, whether it may come in, what it asks for.
 * @module
 */
import type { ClientHello } from "@lib/tls/mod.ts";
import type { ChallengeCertificate } from "../acme/challenge_table.ts";
import type { Host } from "../domain/route_table.ts";
import type { ListenerKind } from "../domain/listener.ts";
import type { Guard, Verdict } from "../listening/guard.ts";
import { type Endpoint, receiveClient, type TrustedSenders } from "../proxy_protocol/mod.ts";
import type { LiveRoute, Router } from "../routing/router.ts";
import type { Deadlines } from "../stream/deadlines.ts";
import type { Refusal } from "../traffic/counters.ts";
import { admit } from "./admission.ts";
import { type HelloLimits, readHello } from "./hello_reader.ts";

/** Who is at the other end, and how they got here. */
export interface Client {
  readonly source: Endpoint;
  /** Where the client connected to: of us, or of the proxy in front of us. */
  readonly destination: Endpoint;
}

/** `bytes` are of the client and have been read. */
export type Arrival =
  | {
    kind: "route";
    client: Client;
    host: Host<LiveRoute>;
    hostname: string;
    alpn: readonly string[];
    bytes: Uint8Array;
  }
  | { kind: "challenge"; certificate: ChallengeCertificate; bytes: Uint8Array }
  | { kind: "refused"; reason: Refusal; alert: number | null; bytes: Uint8Array; detail: string };

export interface ArrivalOptions {
  listener: string;
  kind: ListenerKind;
  senders: TrustedSenders | null;
  limits: HelloLimits;
  guard: Guard;
  router: Pick<Router, "find">;
  /** What to show an ACME server that looks whether a name is ours; null when nobody asked it to. */
  challenge(hello: ClientHello): ChallengeCertificate | null;
  deadlines: Deadlines;
  /** Called when it is known who the client is, and the firewall lets the address in. */
  entered(client: Client): void;
}

const nothing = new Uint8Array();

/**
 * Phases, each with its refusals: the PROXY header, from those who must send one; the firewall by address; the
 * ClientHello; the route; the firewall by name. Never rejects.
 */
export async function arrive(conn: Deno.TcpConn, options: ArrivalOptions): Promise<Arrival> {
  const { listener, limits, guard, router, deadlines } = options;
  const receiving = receiveClient(conn, options.senders, { headerMs: limits.helloMs }, deadlines);
  const received = receiving instanceof Promise ? await receiving : receiving;
  if (received.kind === "refused") return { ...received, alert: null, bytes: nothing };
  const { source, destination } = received;
  const client = { source, destination };
  const { address } = source;
  const early = guard.connection({ listener, address });
  if (!early.allowed) return blocked(early, nothing);
  options.entered(client);
  const opened = (host: Host<LiveRoute>, hostname: string, alpn: readonly string[], bytes: Uint8Array): Arrival => {
    const late = guard.hello({ listener, address, hostname });
    return late.allowed ? { kind: "route", client, host, hostname, alpn, bytes } : blocked(late, bytes);
  };
  if (options.kind === "tcp") {
    const host = router.find(listener, "");
    if (host !== undefined) return opened(host, "", [], received.bytes);
    return { kind: "refused", reason: "no_route", alert: null, bytes: received.bytes, detail: "" };
  }
  const outcome = await readHello(conn, limits, deadlines, received.bytes);
  if (outcome.kind === "refused") {
    // A route for everybody takes what is no TLS too, when it passes bytes on.
    const host = outcome.reason === "not_tls" ? router.find(listener, "") : undefined;
    if (host?.root.route.mode === "l4") return opened(host, "", [], outcome.bytes);
    return { ...outcome, detail: "" };
  }
  const certificate = options.challenge(outcome.hello);
  if (certificate !== null) return { kind: "challenge", certificate, bytes: outcome.bytes };
  const admission = admit(outcome.hello, listener, router);
  if (admission.kind === "refused") {
    return { ...admission, bytes: outcome.bytes, detail: outcome.hello.serverName ?? "" };
  }
  return opened(admission.host, admission.hostname, outcome.hello.alpn, outcome.bytes);
}

/** The connection is closed without a word: whoever is blocked learns nothing. */
function blocked(verdict: Extract<Verdict, { allowed: false }>, bytes: Uint8Array): Arrival {
  return { kind: "refused", reason: "firewall", alert: null, bytes, detail: `${verdict.rule}: ${verdict.reason}` };
}
