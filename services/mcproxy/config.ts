/**
 * MC-Proxy's configuration: every key with its unit, default and reason.
 * @module
 */
import {
  address,
  addresses,
  boolean,
  choice,
  cidrs,
  type ConfigOf,
  defineConfig,
  integer,
  path,
  required,
  tables,
  text,
  texts,
} from "@lib/config/mod.ts";
import { logSection, serverSection } from "@lib/service/mod.ts";
import { listenerKinds } from "./domain/listener.ts";

export const schema = defineConfig({
  ...serverSection({ rest_addr: "unix:run/rest.sock", grpc_addr: "unix:run/admin.sock" }),
  ...logSection(),
  listeners: tables({
    name: text(required, "what routes call it: letters, digits, hyphens"),
    addr: address(required, "host:port that takes connections"),
    kind: choice(
      "tls",
      listenerKinds,
      'tls: routes by SNI; tcp: all bytes to its l4 route "*"; http: redirects to HTTPS and answers ACME',
    ),
    proxy_protocol_from: cidrs([], "proxies in front: from these, and no others, the PROXY header is taken"),
  }, "listeners, at least one"),
  listen: {
    allow_addrs: addresses([], "host:port each that the API may open listeners on beside these; each is a grant"),
  },
  routes: tables({
    listener: text(required, "name of a listener"),
    hostname: text(required, 'name that clients ask for (SNI), "*.example.org", or "*" for all others'),
    path: text("/", "l7: requests for it and below it"),
    mode: text(required, '"l4" passes TLS through, "l7" ends it here'),
    backends: texts(required, '"host:port" each'),
    tls_cert: text("", "l7: PEM chain, below [certificates].dir"),
    tls_key: text("", "l7: PEM key, below [certificates].dir"),
    acme: boolean(false, "l7: the certificate is got by ACME instead"),
    client_cert: choice("", ["", "asked", "required"], 'l7, for "/": whether clients must show a certificate'),
    client_ca: text("", "with client_cert: PEM CAs that theirs must lead to, below [certificates].dir"),
    backend_protocol: choice("h1", ["h1", "h2c", "tls"], "l7: how backends are spoken to"),
    backend_name: text("", 'with "tls": the name in the backend\'s certificate'),
    backend_insecure: boolean(false, 'with "tls": any certificate will do'),
    send_proxy_protocol: choice("", ["", "v1", "v2"], "PROXY header to the backends"),
    strip_path: boolean(false, "l7: the path isn't passed on"),
    compress: boolean(false, "l7: text is compressed for clients that take it"),
    maintenance: text("", "l7: answered with 503 while not empty"),
  }, "seed a new database, and no other: afterwards routes are changed by the API alone"),
  certificates: {
    dir: path("certs", "folder of the routes' certificates; the proxy can read these files and no others"),
    // Five seconds: renewals come days before they are needed, and a look costs two stat calls a route.
    poll_ms: integer(5000, "how often certificate files are looked at for changes, ms", { min: 100, max: 3_600_000 }),
    // Two weeks: platform certificates are renewed 30 days before their end, so less left means renewal failed.
    warn_days: integer(14, "a certificate with fewer days left makes the proxy's health degraded", { max: 365 }),
  },
  backends: {
    allow_hosts: texts(["127.0.0.1"], 'what routes may name as backends: "host" (every port of it) or "host:port"'),
    ca_file: path("", 'root certificates that backends with "tls" must lead to, PEM; "" for the platform\'s'),
    connect_timeout_ms: integer(5000, "longest wait for a backend's connection, ms; then the next, then 502", {
      min: 1,
    }),
    response_timeout_ms: integer(60_000, "from the end of a request to the response's head, ms; then 504", { min: 1 }),
    max_connections: integer(1000, "connections to one backend at once; above, 503", { min: 1 }),
    // Below it, bursts of HTTP/2 streams would open and close connections all the time.
    max_idle: integer(256, "idle connections kept per backend"),
    // Below the 5 s after which Node's servers close an idle connection.
    idle_timeout_ms: integer(4000, "how long an idle backend connection is kept, ms"),
  },
  firewall: {
    country_db: path("", "country database in MaxMind format; read again when it changes"),
    // A country database is replaced once a week or month.
    poll_ms: integer(10_000, "how often the database file is looked at, ms", { min: 100, max: 3_600_000 }),
    max_clients: integer(100_000, "addresses whose rates are remembered; those seen longest ago go first", {
      min: 1000,
      max: 10_000_000,
    }),
  },
  limits: {
    max_connections: integer(20_000, "connections per listener at once; above, new ones are closed", { min: 1 }),
    // Real hellos take 0.2–2 KB, post-quantum key shares included.
    hello_max_bytes: integer(16_384, "longest ClientHello, bytes", { min: 512, max: 32_768 }),
    hello_timeout_ms: integer(5000, "from accept to the whole ClientHello, ms", { min: 1 }),
    handshake_timeout_ms: integer(10_000, "from the ClientHello to the end of the handshake, ms", { min: 1 }),
    head_max_bytes: integer(32_768, "longest request head, bytes; above, 431", { min: 1024, max: 1_048_576 }),
    head_max_fields: integer(100, "most fields in a request head; above, 431", { min: 10, max: 10_000 }),
    head_timeout_ms: integer(10_000, "from a request's first byte to the end of its head, ms; then 408", { min: 1 }),
    keepalive_timeout_ms: integer(60_000, "longest wait for a connection's next request, ms", { min: 1 }),
    body_timeout_ms: integer(30_000, "longest wait for more of a request's body, ms; then 408", { min: 1 }),
    // Event streams should speak at least every few minutes; browsers and other proxies give up sooner than this.
    stream_idle_ms: integer(600_000, "longest time without a byte while a response is relayed, ms", { min: 1 }),
    tunnel_idle_ms: integer(3_600_000, "the same for passthrough connections and WebSockets, ms", { min: 1 }),
  },
  acme: {
    directory_url: text("", "an ACME server's directory; with it, routes may ask for certificates"),
    address: address("", "host:port where that server is reached; all of its URLs must be there"),
    server_name: text("", "the name in its certificate"),
    ca_cert: path("", "root certificate that its must lead to, PEM"),
    contacts: texts([], 'for the account, "mailto:…"'),
    terms_agreed: boolean(false, "the server's terms of service are agreed to, where it has some"),
    eab_key_id: text("", "external account binding: the key's id, where the server asks for it"),
    eab_key_file: path("", "external account binding: file with the HMAC key, base64url"),
    challenge: choice("tls-alpn-01", ["http-01", "tls-alpn-01"], "http-01 needs a listener of kind http"),
  },
  admin: {
    rest_addr: address("", 'REST and pages over HTTPS for MCIAS admins; "" for none'),
    grpc_addr: address("", 'gRPC over TLS for MCIAS admins; "" for none'),
    tls_cert: path("", "certificate of both and its issuers, PEM; read again when it changes"),
    tls_key: path("", "private key, PEM"),
    mcias_addr: address("", "MCIAS's gRPC address: it knows admins, and visitors of routes with a sign-in"),
    mcias_server_name: text("mcias.svc.mcp.metacircular.net", "the name that MCIAS's certificate must carry"),
    mcias_ca_cert: path("", "root certificate that MCIAS's must lead to, PEM"),
  },
  access_log: {
    dir: path(
      "",
      'folder of access.log, a line per request and passthrough connection, and its numbered files; "" for none',
    ),
    format: choice("json", ["json", "combined"], "JSON objects, or the lines that log analysers know"),
    // 64 MiB is some 250,000 requests.
    max_mib: integer(64, "the file is closed and numbered at this size", { min: 1, max: 65_536 }),
    keep: integer(4, "closed files kept: access.log.1 is the newest", { max: 1000 }),
    queries: boolean(false, "queries are written, too: they often hold secrets"),
  },
  metrics: {
    addr: address("127.0.0.1:9091", "Prometheus text at /metrics and /health, plain HTTP; keep it on loopback"),
  },
});

export type Config = ConfigOf<typeof schema>;
