/** What the scripted MC-Proxy of the tests has: routes, rules, certificates, and a picture of its traffic. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { notFound } from "@lib/errors/mod.ts";
import type { Answers } from "./scripted_mcproxy.ts";

const at = timestampFromMs(Date.UTC(2026, 0, 2, 3, 4, 5));
/** Far enough for every run of the tests, and its years too few for a test to notice. */
const inDays = (days: number) => timestampFromMs(Date.now() + days * 86_400_000 + 3_600_000);

const version = "5f0c2a91d3e47b68";

const web = {
  ...{ listener: "https", hostname: "example.org", path: "/", mode: "l7", backendProtocol: "h1" },
  backends: ["127.0.0.1:8080", "127.0.0.1:8081"],
  ...{ tlsCert: "/srv/certs/web.pem", tlsKey: "/srv/certs/web.key", createdAt: at, updatedAt: at, version },
};
const api = {
  ...{ listener: "https", hostname: "example.org", path: "/api", mode: "l7", stripPath: true, compress: true },
  ...{ backends: ["10.0.0.7:9443"], backendProtocol: "tls", backendName: "api.internal", sendProxyProtocol: "v2" },
  requestHeaders: [{ op: "set", name: "x-team", value: "web" }, { op: "remove", name: "cookie" }],
  responseHeaders: [{ op: "add", name: "vary", value: "accept" }],
  ...{ maxBodyBytes: 20n * 1024n ** 2n, responseTimeoutMs: 90_000, createdAt: at, updatedAt: at, version },
  healthCheck: { path: "/health", intervalMs: 5000, timeoutMs: 500, expectedStatuses: ["200-299", "401"], host: "up" },
  signIn: { allow: ["user", "account:bob"] },
};
const old = {
  ...{ listener: "https", hostname: "old.example.org", path: "/", mode: "l7", acme: true, backendProtocol: "h1" },
  ...{ redirect: { status: 308, to: "https://example.org{uri}" }, createdAt: at, updatedAt: at, version },
};
const closed = {
  ...{ listener: "https", hostname: "shop.example.org", path: "/", mode: "l7", acme: true, backendProtocol: "h2c" },
  ...{ backends: ["127.0.0.1:7000"], maintenance: "Back at 14:00", createdAt: at, updatedAt: at, version },
};
const db = {
  ...{ listener: "https", hostname: "db.example.org", path: "/", mode: "l4", backends: ["127.0.0.1:5432"] },
  ...{ backendProtocol: "h1", createdAt: at, updatedAt: at, version },
};

const routes = [web, api, old, closed, db];

export const blocked = {
  ...{
    id: "blocked",
    priority: 0,
    action: "block",
    cidrs: ["192.0.2.7"],
    hits: 41n,
    createdAt: at,
    updatedAt: at,
    version,
  },
};
const login = {
  ...{ id: "login", priority: 100, action: "limit", hostname: "example.org", paths: ["/login*"] },
  ...{ rate: { perSecond: 10 / 60, burst: 5 }, note: "passwords are guessed", createdAt: at, updatedAt: at, version },
};
const abroad = {
  ...{ id: "abroad", priority: 200, action: "block", disabled: true, countries: ["AA", "BB", "CC", "DD", "??"] },
  ...{ listener: "https", userAgents: ["*bot*"], createdAt: at, updatedAt: at, version },
};
const few = {
  ...{ id: "few", priority: 300, action: "limit", maxConnections: 200, createdAt: at, updatedAt: at, version },
};

const rules = [blocked, login, abroad, few];

const https = { name: "https", address: "0.0.0.0:443", kind: "tls", fromConfig: true };
const behind = { name: "behind", address: "10.0.0.2:443", kind: "tls", proxyProtocolFrom: ["10.0.0.1", "10.1.0.0/16"] };

const refused = {
  outcome: "refused",
  status: 403,
  steps: [
    { stage: "listener", result: "choose", detail: "https (tls, 0.0.0.0:443)" },
    { stage: "firewall", result: "skip", detail: "limit few: it is for listener alt" },
    { stage: "firewall", result: "refuse", detail: "block blocked: 192.0.2.7 is in 192.0.2.7" },
  ],
};

export const served = {
  outcome: "l7",
  backend: "127.0.0.1:8080",
  steps: [
    { stage: "listener", result: "choose", detail: "https (tls, 0.0.0.0:443)" },
    { stage: "firewall", result: "skip", detail: "block blocked: 127.0.0.1 is in none of 192.0.2.7" },
    { stage: "firewall", result: "pass", detail: "limit few: 3 of 200 connections" },
    { stage: "certificate", result: "choose", detail: "for example.org, until 2026-03-01T00:00:00.000Z" },
    { stage: "route", result: "choose", detail: "example.org (l7)" },
    { stage: "backend", result: "choose", detail: "127.0.0.1:8080: the fewest requests" },
  ],
};

const stats = {
  startedAt: at,
  listeners: [
    {
      ...{ name: "https", address: "0.0.0.0:443", accepted: 9000n, active: 12n },
      refused: { no_sni: 3n, firewall: 41n, hello_timeout: 2n, not_tls: 7n, no_tls13: 1n, unknown_name: 1n },
    },
    { name: "behind", address: "10.0.0.2:443" },
  ],
  routes: [
    {
      ...{ listener: "https", hostname: "example.org", path: "/", mode: "l7", connections: 8000n, active: 10n },
      ...{ requests: 120_000n, bytesIn: 5_000_000n, bytesOut: 800_000_000n, backendErrors: 0n },
      ...{ responses: { "2xx": 119_000n, "4xx": 1000n }, latencyP50Ms: 1.25, latencyP99Ms: 48 },
    },
    {
      ...{ listener: "https", hostname: "example.org", path: "/api", mode: "l7", connections: 300n, active: 1n },
      ...{ requests: 400n, bytesIn: 90_000n, bytesOut: 100_000n, backendErrors: 9n },
      ...{ responses: { "2xx": 380n, "5xx": 20n }, latencyP50Ms: 12, latencyP99Ms: 1500 },
    },
    {
      ...{ listener: "https", hostname: "db.example.org", path: "/", mode: "l4", connections: 7n, active: 1n },
      ...{ bytesIn: 4096n, bytesOut: 8192n },
    },
    { listener: "https", hostname: "shop.example.org", path: "/", mode: "l7", responses: { "5xx": 2n }, requests: 2n },
  ],
  backends: [
    { backend: "127.0.0.1:8080", active: 2n, idle: 5n },
    { backend: "10.0.0.7:9443", failing: true, reason: "GET /health answered 500" },
  ],
};

const certificates = () => [
  { listener: "https", hostname: "example.org", names: ["example.org", "www.example.org"], notAfter: inDays(60) },
  { listener: "https", hostname: "old.example.org", names: ["old.example.org"], acme: true, notAfter: inDays(5) },
  {
    ...{ listener: "https", hostname: "shop.example.org", names: ["shop.example.org"], acme: true },
    ...{ notAfter: inDays(4), renewAt: inDays(2) },
  },
  {
    ...{ listener: "alt", hostname: "example.net", names: ["example.net"], notAfter: inDays(90) },
    error: "/srv/certs/net.key does not belong to /srv/certs/net.pem",
  },
];

/** What everything is answered with. */
export const answers = () =>
  ({
    listRoutes: { routes },
    getRoute: ({ listener, hostname, path }) => {
      const name = hostname.toLowerCase();
      const found = routes.find((one) => one.listener === listener && one.hostname === name && one.path === path);
      return found ?? notFound("route", name);
    },
    ...{ putRoute: web, deleteRoute: { deleted: true } },
    listListeners: { listeners: [https, behind] },
    ...{ putListener: behind, deleteListener: { deleted: true } },
    listRules: { rules },
    getRule: ({ id }) => rules.find((rule) => rule.id === id) ?? notFound("firewall rule", id),
    ...{ putRule: blocked, deleteRule: { deleted: true } },
    listCertificates: { certificates: certificates() },
    reloadCertificates: { certificates: certificates().slice(0, 3) },
    getStats: stats,
    listConnections: {
      total: 12n,
      connections: [
        {
          ...{ id: 7n, listener: "https", client: "192.0.2.9:50123", hostname: "example.org", protocol: "h2" },
          ...{
            openedAt: timestampFromMs(Date.now() - 7_500_000),
            bytesIn: 1234n,
            bytesOut: 56_000_000n,
            requests: 18n,
          },
        },
      ],
    },
    explain: refused,
  }) satisfies Answers;
