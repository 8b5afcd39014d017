import type { Clock } from "@lib/clock/mod.ts";
import { invalid, quote } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { parseAddress } from "@lib/tls/mod.ts";
import { parseIpv4, parseIpv6 } from "../../domain/ip_address.ts";
import { Forwarder } from "./forwarder.ts";
import { Upstream } from "./upstream.ts";

/** The config's `[forward]`. */
export interface ForwardSettings {
  upstreams: readonly string[];
  source_addrs: readonly string[];
  timeout_ms: number;
  deadline_ms: number;
  max_ttl_seconds: number;
  cache_bytes: number;
}

/** The forwarder that the config asks for, null without upstreams. Throws Invalid for an upstream that can't be asked. */
export function openForwarder(settings: ForwardSettings, clock: Clock, log: Logger): Forwarder | null {
  if (settings.upstreams.length === 0) return null;
  const sources = settings.source_addrs.map((address) => ({
    address,
    version: ipVersion(address, "forward.source_addrs"),
  }));
  const upstreams = settings.upstreams.map((address) => {
    const version = ipVersion(address, "forward.upstreams");
    const source = sources.find((one) => one.version === version);
    if (source === undefined) {
      throw invalid(
        "forward.source_addrs",
        `must hold an IPv${version} address to ask upstream ${quote(address)} from`,
        {
          hint: `Add ${version === 4 ? '"0.0.0.0:0"' : '"[::]:0"'} for any.`,
        },
      );
    }
    return new Upstream({ address, source: source.address, clock });
  });
  return new Forwarder({
    upstreams,
    cacheBytes: settings.cache_bytes,
    maxTtlSeconds: settings.max_ttl_seconds,
    timeoutMs: settings.timeout_ms,
    deadlineMs: settings.deadline_ms,
    clock,
    log,
  });
}

function ipVersion(text: string, field: string): 4 | 6 {
  const address = parseAddress(text, field);
  if (address.kind === "tcp" && parseIpv4(address.hostname) !== null) return 4;
  if (address.kind === "tcp" && parseIpv6(address.hostname) !== null) return 6;
  throw invalid(field, `must be "ip:port": there is nobody to ask for a name's address; got ${quote(text)}`);
}
