import type { Clock } from "@lib/clock/mod.ts";
import { invalid, messageOf, quote } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { parseAddress } from "@lib/tls/mod.ts";
import { formatIpv6, parseIpv4, parseIpv6 } from "../../domain/ip_address.ts";
import { DomainName } from "../../domain/name.ts";
import type { Strategy } from "./asking_order.ts";
import { BlockList } from "./block_list.ts";
import { BlockListFiles } from "./block_list_files.ts";
import type { BlockAnswer } from "./blocked_answer.ts";
import { type Blocking, Forwarder } from "./forwarder.ts";
import { PlainChannel } from "./plain_channel.ts";
import { TlsChannel } from "./tls_channel.ts";
import { Upstream } from "./upstream.ts";

/** The config's `[forward]`. */
export interface ForwardSettings {
  /** "ip:port" for UDP and TCP, "tls://ip:port#name" for TLS with a certificate for that name. */
  upstreams: readonly string[];
  source_addrs: readonly string[];
  timeout_ms: number;
  deadline_ms: number;
  max_ttl_seconds: number;
  cache_bytes: number;
  /** Default "order". */
  strategy?: Strategy;
  /** Default 3; 0: off. */
  prefetch?: number;
  /** Default 86,400; 0: off. */
  stale_seconds?: number;
  /** Absolute path; default empty: not kept. */
  cache_file?: string;
  /** PEM file; needed for upstreams over TLS. */
  tls_ca?: string;
  /** Default true. */
  cookies?: boolean;
  blocklist_files?: readonly string[];
  /** Names that are never blocked, nor what is below them. */
  blocklist_exceptions?: readonly string[];
  /** Default "nxdomain". */
  block_answer?: BlockAnswer;
}

/**
 * The forwarder that the config asks for, null without upstreams. It reads its cache and block lists by itself, so that
 * our own zones are answered meanwhile. Throws Invalid for an upstream that can't be asked.
 */
export function openForwarder(settings: ForwardSettings, clock: Clock, log: Logger): Forwarder | null {
  if (settings.upstreams.length === 0) return null;
  const forwarder = new Forwarder({
    upstreams: settings.upstreams.map((text) => openUpstream(text, settings, clock)),
    strategy: settings.strategy ?? "order",
    cacheBytes: settings.cache_bytes,
    maxTtlSeconds: settings.max_ttl_seconds,
    staleSeconds: settings.stale_seconds ?? 86_400,
    prefetchHits: settings.prefetch ?? 3,
    timeoutMs: settings.timeout_ms,
    deadlineMs: settings.deadline_ms,
    blocking: openBlocking(settings, log),
    blockAnswer: settings.block_answer ?? "nxdomain",
    clock,
    log,
  });
  forwarder.start(settings.cache_file ?? "");
  return forwarder;
}

/** One upstream, by its text in the config. Throws Invalid. */
export function openUpstream(
  text: string,
  settings: Pick<ForwardSettings, "source_addrs" | "tls_ca" | "cookies">,
  clock: Clock,
): Upstream {
  const tls = /^tls:\/\/([^#]*)(?:#(.*))?$/.exec(text);
  const { peer, version } = readPeer(tls?.[1] ?? text, "forward.upstreams");
  if (tls !== null) {
    const serverName = tls[2] ?? "";
    if (serverName === "") {
      throw invalid("forward.upstreams", `must name the certificate's name, "tls://ip:port#name", got ${quote(text)}`);
    }
    return new Upstream(text, new TlsChannel({ peer, serverName, ca: readCa(settings.tls_ca ?? "") }), clock);
  }
  const source = settings.source_addrs.map((address) => readPeer(address, "forward.source_addrs"))
    .find((one) => one.version === version);
  if (source === undefined) {
    throw invalid("forward.source_addrs", `must hold an IPv${version} address to ask upstream ${quote(text)} from`, {
      hint: `Add ${version === 4 ? '"0.0.0.0:0"' : '"[::]:0"'} for any.`,
    });
  }
  const cookies = settings.cookies ?? true;
  return new Upstream(text, new PlainChannel({ peer, source: source.peer, cookies, clock }), clock);
}

function readPeer(text: string, field: string): { peer: { hostname: string; port: number }; version: 4 | 6 } {
  const address = parseAddress(text, field);
  if (address.kind === "tcp") {
    const { hostname, port } = address;
    if (parseIpv4(hostname) !== null) return { peer: { hostname, port }, version: 4 };
    const octets = parseIpv6(hostname);
    // In the spelling in which the runtime says whom a datagram is from.
    if (octets !== null) return { peer: { hostname: formatIpv6(octets), port }, version: 6 };
  }
  throw invalid(
    field,
    `must be "ip:port" or "tls://ip:port#name": there is nobody to ask for a name's address; got ${quote(text)}`,
  );
}

function readCa(path: string): string {
  if (path === "") {
    throw invalid("forward.tls_ca", "must be the PEM file of the CAs that upstreams over TLS are verified by");
  }
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw invalid("forward.tls_ca", `cannot be read: ${messageOf(error)}; got ${quote(path)}`);
  }
}

function openBlocking(settings: ForwardSettings, log: Logger): Blocking | null {
  const { blocklist_files = [], blocklist_exceptions = [] } = settings;
  if (blocklist_files.length === 0) return null;
  const files = new BlockListFiles(blocklist_files, log);
  const exceptions = new BlockList();
  for (const name of blocklist_exceptions) {
    exceptions.add(DomainName.parse(name, "forward.blocklist_exceptions").key, true);
  }
  return {
    has: (key) => files.has(key) && !exceptions.has(key),
    refresh: () => files.refresh(),
  };
}
