import {
  addresses,
  cidrs,
  type ConfigOf,
  defineConfig,
  integer,
  required,
  tables,
  text,
  texts,
} from "@lib/config/mod.ts";
import { logSection, mciasSection, serverSection } from "@lib/service/mod.ts";

/** The keys of mcns.toml. */
export const schema = defineConfig({
  ...serverSection({ rest_addr: "127.0.0.1:8443", grpc_addr: "127.0.0.1:9443" }),
  ...logSection(),
  ...mciasSection(),
  dns: {
    listen_addrs: addresses(
      ["127.0.0.1:18053"],
      "addresses that answer DNS, each over UDP and TCP; single addresses, as a wildcard would reply from the wrong one",
    ),
    allow_clients: cidrs(
      ["127.0.0.0/8"],
      "networks that UDP answers may go to; also the sandbox's grant, so IPv6 clients are listed one by one",
    ),
    // RFC 7766 §6.2.3 asks for some seconds: a resolver reuses its connection, an attacker holds few for long.
    tcp_idle_ms: integer(10_000, "a TCP connection without a whole query for this long is closed, ms", {
      min: 100,
      max: 600_000,
    }),
    tcp_max_connections: integer(512, "TCP connections per address at once", { min: 1, max: 65_536 }),
    tcp_max_per_client: integer(64, "TCP connections per client address at once", { min: 1, max: 65_536 }),
  },
  forward: {
    upstreams: addresses(
      [],
      'resolvers to ask for other zones\' names, in order, as "ip:port"; none: such names are REFUSED',
    ),
    source_addrs: addresses(
      [],
      'addresses to ask from, one per IP version, e.g. "0.0.0.0:0"; port 0 takes a random one per query; needed with upstreams',
    ),
    allow_clients: cidrs(
      ["127.0.0.0/8", "::1"],
      "networks whose clients may have names forwarded; others get our zones only",
    ),
    timeout_ms: integer(1500, "wait for one upstream's reply, ms", { min: 10, max: 30_000 }),
    // A stub resolver gives up after 5 s; a SERVFAIL before that lets it go on.
    deadline_ms: integer(4000, "wait for all upstreams in all, ms", { min: 10, max: 60_000 }),
    max_ttl_seconds: integer(300, "longest time that an upstream's answer is kept and handed on for, seconds", {
      max: 604_800,
    }),
    cache_bytes: integer(16 * 1024 * 1024, "memory for upstreams' answers, bytes", { max: 4 * 1024 ** 3 }),
  },
  rights: {
    service_zone: text(
      "svc.mcp.metacircular.net",
      "zone in which a system account may change the record of its own name",
    ),
    agent_account: text("mcp-agent", "system account that may change any record"),
  },
  zones: tables({
    name: text(required, "zone to insert at start if no zone of that name ever existed here"),
    primary_ns: text("", "its primary name server; empty: ns1.<zone>"),
    admin_email: text("", "its administrator; empty: hostmaster@<zone>"),
    records: texts([], 'its first records, each "name [ttl] type value", e.g. "www 300 A 192.0.2.1"'),
  }, "zones that a new database starts with; afterwards the API is the one way to change them"),
});

export type Config = ConfigOf<typeof schema>;
