import assert from "node:assert/strict";
import { DomainName } from "./name.ts";
import { parseRecordValue, type RecordType } from "./record.ts";
import { RecordName } from "./record_name.ts";
import type { Soa } from "./soa.ts";
import { type SetType, Zone } from "./zone.ts";
import { ZoneDirectory } from "./zone_directory.ts";

function soaOf(zone: string, serial = 1): Soa {
  const name = (text: string) => DomainName.parse(text, "name");
  return {
    primaryNs: name(`ns1.${zone}`),
    mailbox: name(`admin.${zone}`),
    serial,
    refresh: 3600,
    retry: 600,
    expire: 604800,
    minimum: 300,
  };
}

/** Lines "name type value"; the records of a name must stand together. */
function zoneOf(origin: string, lines: string[]): Zone {
  const name = DomainName.parse(origin, "zone");
  const zone = new Zone(name, soaOf(origin));
  const names = new Set(lines.map((line) => line.split(" ")[0]!));
  for (const one of names) set(zone, one, lines.filter((line) => line.split(" ")[0] === one));
  return zone;
}

function set(zone: Zone, name: string, lines: string[]): void {
  zone.setRecords(
    RecordName.parse(name, zone.name).absolute,
    lines.map((line) => {
      const [, type = "", value = ""] = line.split(" ");
      return { ttlSeconds: 300, value: parseRecordValue(type as RecordType, value) };
    }),
  );
}

function find(zone: Zone, name: string, type: SetType | "ANY" | null): string {
  const finding = zone.find(RecordName.parse(name, zone.name).absolute.key, type);
  if (finding.kind === "alias") return `alias ${finding.target}`;
  if (finding.kind !== "records") return finding.kind;
  const { set } = finding;
  if (set.type === "NS" || set.type === "SOA") return set.type;
  return `${set.type} ${set.values.map(({ text }) => text).join(" ")}`;
}

Deno.test("Zone.find tells records, aliases, NODATA and NXDOMAIN apart", () => {
  const zone = zoneOf("example.org", [
    "@ A 192.0.2.1",
    "www A 192.0.2.2",
    "www A 192.0.2.3",
    "www AAAA 2001:db8::1",
    "web CNAME www.example.org",
    "deep.empty A 192.0.2.4",
  ]);
  for (
    const [name, type, want, remark] of [
      ["@", "SOA", "SOA", ""],
      ["@", "NS", "NS", ""],
      ["@", "A", "A 192.0.2.1", ""],
      ["@", "AAAA", "no_data", ""],
      ["www", "A", "A 192.0.2.2 192.0.2.3", ""],
      ["www", "CNAME", "no_data", ""],
      ["www", "SOA", "no_data", "an SOA query below the apex (RFC 1034)"],
      ["www", null, "no_data", "a type nobody has here"],
      ["www", "ANY", "A 192.0.2.2 192.0.2.3", "one set"],
      ["web", "A", "alias www.example.org", ""],
      ["web", null, "alias www.example.org", ""],
      ["web", "CNAME", "CNAME www.example.org", "asked for itself"],
      ["web", "ANY", "CNAME www.example.org", ""],
      ["empty", "A", "no_data", "empty non-terminal"],
      ["empty", "ANY", "no_data", ""],
      ["other.empty", "A", "no_name", ""],
      ["nope", "A", "no_name", ""],
      ["x.www", "A", "no_name", ""],
    ] as const
  ) assert.equal(find(zone, name, type), want, `${name} ${type} ${remark}`);
});

Deno.test("Zone.find follows RFC 4592: a wildcard covers what no existing name encloses more closely", () => {
  const zone = zoneOf("example.org", [
    "* A 192.0.2.9",
    "host1 A 192.0.2.1",
    "_x.host2 A 192.0.2.2",
    "*.sub CNAME host1.example.org",
  ]);
  for (
    const [name, type, want, remark] of [
      ["host3", "A", "A 192.0.2.9", ""],
      ["foo.bar", "A", "A 192.0.2.9", "several labels"],
      ["host3", "AAAA", "no_data", "the wildcard exists, the type doesn't"],
      ["host1", "AAAA", "no_data", "the name exists"],
      ["below.host1", "A", "no_name", "host1 encloses it"],
      ["host2", "A", "no_data", "empty non-terminal"],
      ["y.host2", "A", "no_name", "host2 encloses it"],
      ["*", "A", "A 192.0.2.9", "asked by its name"],
      ["sub", "A", "no_data", "exists because of *.sub"],
      ["a.sub", "A", "alias host1.example.org", ""],
    ] as const
  ) assert.equal(find(zone, name, type), want, remark);
  const belowWildcard = DomainName.fromLabels(["a", "*", "example", "org"], "name");
  assert.equal(zone.find(belowWildcard.key, "A").kind, "no_name");
});

Deno.test("Zone.setRecords adds and removes names together with the empty ones above them", () => {
  const zone = zoneOf("example.org", ["a.b.c A 192.0.2.1", "b.c A 192.0.2.2"]);
  assert.equal(find(zone, "c", "A"), "no_data");
  set(zone, "a.b.c", []);
  assert.equal(find(zone, "a.b.c", "A"), "no_name");
  assert.equal(find(zone, "b.c", "A"), "A 192.0.2.2");
  set(zone, "b.c", []);
  assert.equal(find(zone, "b.c", "A"), "no_name");
  assert.equal(find(zone, "c", "A"), "no_name");
  set(zone, "never.there", []);
  assert.equal(find(zone, "there", "A"), "no_name");
  set(zone, "*", ["* A 192.0.2.9"]);
  set(zone, "*", ["* A 192.0.2.8"]);
  assert.equal(find(zone, "b.c", "A"), "A 192.0.2.8");
  set(zone, "*", []);
  assert.equal(find(zone, "b.c", "A"), "no_name");
  set(zone, "@", ["@ A 192.0.2.1"]);
  set(zone, "@", []);
  assert.equal(find(zone, "@", "A"), "no_data");
  assert.equal(find(zone, "@", "NS"), "NS");
});

Deno.test("Zone.setSoa keeps the apex's own records", () => {
  const zone = zoneOf("example.org", ["@ A 192.0.2.1"]);
  zone.setSoa({ ...soaOf("example.org", 7), minimum: 60 });
  assert.equal(find(zone, "@", "A"), "A 192.0.2.1");
  assert.equal(zone.soa.serial, 7);
  assert.equal(zone.negativeTtlSeconds, 60);
});

Deno.test("ZoneDirectory.zoneFor takes the deepest zone by whole labels", () => {
  const zones = new ZoneDirectory();
  for (const name of ["mcp.example", "svc.mcp.example"]) zones.put(zoneOf(name, []));
  for (
    const [name, want] of [
      ["a.svc.mcp.example", "svc.mcp.example"],
      ["svc.mcp.example", "svc.mcp.example"],
      ["node.mcp.example", "mcp.example"],
      ["xsvc.mcp.example", "mcp.example"],
      ["example", undefined],
      ["other.org", undefined],
    ] as const
  ) assert.equal(zones.zoneFor(DomainName.parse(name, "name").key)?.name.text, want, name);
  zones.remove(DomainName.parse("svc.mcp.example", "name").key);
  assert.equal(zones.zoneFor(DomainName.parse("a.svc.mcp.example", "name").key)?.name.text, "mcp.example");
});
