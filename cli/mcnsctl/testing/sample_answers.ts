/** What the scripted MCNS of the tests has: a zone, its records, keys and history. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";

const at = timestampFromMs(Date.UTC(2026, 0, 2, 3, 4, 5));

const zone = {
  ...{ name: "example.org", kind: "primary", serial: 2026010203, recordCount: 12, signed: true },
  ...{ primaryNs: "ns1.example.org", adminEmail: "hostmaster@example.org" },
  ...{ refresh: 3600, retry: 600, expire: 604_800, minimum: 300, createdAt: at, updatedAt: at },
};

const record = { zone: "example.org", name: "www", type: "A", value: "192.0.2.1", ttl: 300 };

const change = {
  ...{ id: 7n, zone: "example.org", at, actor: "ada", remote: "192.0.2.9", action: "record.set" },
  ...{ serialBefore: 2026010202, serial: 2026010203, removed: ["www 300 A 192.0.2.2"], added: ["www 300 A 192.0.2.1"] },
};

const signed = {
  ...{ zone: "example.org", signed: true, algorithm: "ed25519", denial: "nsec", serial: 2026010203 },
  keys: [{ tag: 4711, role: "csk", algorithm: "ed25519", state: "active", createdAt: at, stateSince: at }],
  ds: ["example.org. 3600 IN DS 4711 15 2 ab"],
  trustAnchors: ["example.org. 3600 IN DNSKEY 257 3 15 xyz"],
  ...{ nextEvent: "signatures are made anew", nextEventAt: at, signaturesExpireAt: at, waitsForDs: true },
};

const transfer = {
  ...{ zone: "example.net", kind: "secondary", serial: 5, checkedAt: at, transferredAt: at, expiresAt: at },
  primaries: [{ address: "192.0.2.53:53", tsigKey: "backup", tlsName: "" }],
  secondaries: [{ address: "192.0.2.54:53", tsigKey: "", tlsName: "ns2.example.net" }],
  notifies: [{ address: "192.0.2.54:53", serial: 5, acknowledged: true, at }],
};

const key = {
  name: "acme",
  algorithm: "hmac-sha256",
  createdAt: at,
  scopes: [
    { zone: "example.org", names: ["_acme-challenge.**"], types: ["TXT"] },
  ],
};

export const answers = {
  listZones: { zones: [zone, { ...zone, name: "example.net", kind: "secondary", signed: false, views: ["lan"] }] },
  ...{ getZone: zone, createZone: zone, updateZone: zone },
  listRecords: { records: [record, { ...record, type: "TXT", value: '"\u001b[31mhi"', view: "lan", service: "web" }] },
  ...{ createRecord: record, setRecords: { records: [record], serial: 2026010203 } },
  deleteRecords: { deleted: 1, serial: 2026010204 },
  deleteOwnedRecords: { deleted: 2, zones: ["example.org", "example.net"] },
  exportZoneInPieces: [
    { text: "$ORIGIN example.org.\n", serial: 2026010203 },
    { text: "@ 3600 IN SOA …\n", serial: 2026010203 },
  ],
  importZone: { removed: ["www 300 A 192.0.2.2"], added: ["www 300 A 192.0.2.1"], serial: 2026010203 },
  ...{ listChanges: { changes: [change] }, undoChange: { ...change, id: 8n, action: "undo", undoes: 7n } },
  ...{ signZone: signed, getDnssec: signed, rollKey: signed, confirmDs: { ...signed, waitsForDs: false } },
  unsignZone: { serial: 2026010204 },
  ...{ getTransfer: transfer, setTransfer: transfer, refreshZone: transfer, setCatalog: { memberId: "abc" } },
  ...{ listTsigKeys: { keys: [key] }, createTsigKey: { key, secret: "c2VjcmV0" }, setTsigScopes: key },
  listCache: {
    entries: [{ name: "example.com", type: "A", rcode: "NOERROR", ttl: 12, values: ["A 192.0.2.7"], hits: 3n }],
  },
  flushCache: { removed: 3n },
  watchQueries: [
    {
      at,
      client: "192.0.2.9",
      transport: "udp",
      name: "www.example.org",
      type: "A",
      rcode: "NOERROR",
      octets: 60,
      microseconds: 42,
    },
  ],
  explain: {
    steps: ["client 192.0.2.9 is in no view", "reply: NOERROR"],
    answer: ["www.example.org. 300 IN A 192.0.2.1"],
  },
  getStats: {
    ...{ startedAt: at, zones: 2, records: 12n, queriesUdp: 10n, queriesTcp: 1n, answersAuthoritative: 8n },
    upstreams: [{ address: "192.0.2.99:53", healthy: true, queries: 5n, rttMs: 1.25 }],
  },
  listAuditEvents: {
    events: [{ id: 1n, at, actor: "ada", remote: "::1", action: "zone.create", target: "example.org", outcome: "ok" }],
  },
  whoAmI: { username: "ada", accountType: "human", admin: true, may: ["zones, keys and settings", "all records"] },
};
