import {
  addresses,
  boolean,
  choice,
  cidrs,
  type ConfigOf,
  defineConfig,
  integer,
  path,
  paths,
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
    tls_listen_addrs: addresses([], "addresses that answer DNS over TLS (RFC 7858), with the server's certificate"),
    doh: boolean(true, "answer DNS over HTTPS (RFC 8484) at /dns-query of server.rest_addr"),
    allow_clients: cidrs(
      ["127.0.0.0/8"],
      "networks that UDP answers may go to; also the sandbox's grant, so IPv6 clients are listed one by one",
    ),
    // RFC 7766 §6.2.3 asks for some seconds: a resolver reuses its connection, an attacker holds few for long.
    tcp_idle_ms: integer(10_000, "a TCP or TLS connection without a whole query for this long is closed, ms", {
      min: 100,
      max: 600_000,
    }),
    tcp_max_connections: integer(512, "TCP or TLS connections per address at once", { min: 1, max: 65_536 }),
    tcp_max_per_client: integer(64, "TCP or TLS connections per client address at once", { min: 1, max: 65_536 }),
    nsid: text("", "what this server calls itself to those who ask with NSID (RFC 5001); empty: nothing"),
    cookie_secret_file: path(
      "",
      "32 hex digits that make DNS cookies (RFC 9018), for servers that share an address; empty: made at start",
    ),
    rrl_per_second: integer(
      100,
      "UDP replies per second to one network (/24, /56) about one name and type, without a valid cookie; of more every second one is sent to TCP, the others nowhere; 0: no limit",
      { max: 1_000_000 },
    ),
    // A forged question must not be worth an attacker's while; known resolvers have cookies, or come back over TCP.
    amplification_limit: integer(
      4,
      "how many times as long as its query a UDP reply to a client outside forward.allow_clients without a valid cookie may be, before it is sent to TCP; 0: no limit",
      { max: 100 },
    ),
    query_log_sample: integer(0, "one of how many queries goes into the log, 1 for all, 0 for none", {
      max: 1_000_000,
    }),
  },
  forward: {
    upstreams: addresses(
      [],
      'resolvers to ask for other zones\' names, in order, as "ip:port"; none: such names are REFUSED',
    ),
    tls_upstreams: addresses(
      [],
      'resolvers to ask over TLS (RFC 7858), before the others, as "ip:port"; needs tls_server_name and tls_ca',
    ),
    tls_server_name: text("", "the name in the certificates of tls_upstreams"),
    tls_ca: path("", "root of the certificates of tls_upstreams"),
    strategy: choice("order", ["order", "fastest"], "who is asked first: the first that is well, or the fastest"),
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
    stale_seconds: integer(
      86_400,
      "how long after its end an answer may stand in while no upstream replies (RFC 8767), seconds; 0: never",
      { max: 604_800 },
    ),
    prefetch_hits: integer(3, "answers asked for so often are renewed before they end; 0: none", { max: 1_000_000 }),
    keep_cache: boolean(true, "keep the cache over a restart, in server.data_dir"),
    blocklist_files: paths([], "names that are answered as if they weren't there: hosts files, or one name a line"),
    blocklist_exceptions: texts([], "names that are never blocked, nor what is below them"),
    block_answer: choice(
      "nxdomain",
      ["nxdomain", "zero"],
      "what a blocked name is answered: NXDOMAIN, or 0.0.0.0 and ::",
    ),
    cache_bytes: integer(16 * 1024 * 1024, "memory for upstreams' answers, bytes", { max: 128 * 1024 * 1024 }),
  },
  dnssec: {
    key_file: path(
      "",
      "32 random octets that seal DNSSEC and TSIG keys in the database, made when absent; empty: mcns.key in server.data_dir. Keep it apart from backups",
    ),
  },
  transfer: {
    source_addrs: addresses(
      [],
      'addresses that NOTIFY goes out from, one per IP version, e.g. "0.0.0.0:0"; needed to tell secondaries of changes',
    ),
    peers: addresses([], "other servers of our zones, each as ip:port: whom NOTIFY and transfers may reach"),
    tls_ca: path("", "root of the certificates of primaries that are asked over TLS (RFC 9103)"),
    max_zone_bytes: integer(256 * 1024 * 1024, "largest zone that a primary may send, bytes", {
      min: 1024,
      max: 4 * 1024 ** 3,
    }),
    journal_bytes: integer(1024 * 1024, "memory of past changes per zone for IXFR (RFC 1995), bytes", {
      max: 1024 ** 3,
    }),
  },
  views: tables({
    name: text(required, "what records and zones name it by"),
    networks: cidrs(required, "its clients' networks"),
  }, "split horizon: clients of these networks get records and zones limited to the view; the first match counts"),
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
