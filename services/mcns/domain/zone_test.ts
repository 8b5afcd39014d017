import assert from "node:assert/strict";
import { directoryOf, zoneOf } from "../testing/zone_text.ts";
import { compareKeys, DomainName, textOfKey } from "./name.ts";
import { formatData } from "./rdata/record_data.ts";
import { typeCode, typeText } from "./rdata/record_type.ts";
import { RecordName } from "./record_name.ts";
import { type RecordSet, Zone } from "./zone.ts";
import { ZoneDirectory } from "./zone_directory.ts";

const key = (text: string): string => DomainName.parse(text, "name").key;

/** "records A 192.0.2.1", "cname www.example.org at *.sub", "delegation at sub", "no_name at @" (the closest encloser). */
function find(zone: Zone, text: string): string {
  const [name = "", type = ""] = text.split(" ");
  const { kind, set, owner, wildcard } = zone.find(RecordName.parse(name, zone.name).absolute.key, typeCode(type));
  const data = set === null ? [] : set.data.map((one) => formatData(set.type, one));
  const at = textOfKey(owner).replace(/(^|\.)example\.org$/, "") || "@";
  const where = wildcard || kind === "delegation" || kind === "dname" || kind === "no_name" ? [`at ${at}`] : [];
  const what = set === null || kind === "delegation"
    ? []
    : [...(kind === "records" ? [typeText(set.type)] : []), ...data];
  return [kind, ...what, ...where].join(" ");
}

function check(zone: Zone, rows: readonly (readonly [question: string, want: string, remark?: string])[]): void {
  for (const [question, want, remark] of rows) assert.equal(find(zone, question), want, `${question} ${remark ?? ""}`);
}

Deno.test("Zone.find tells records, aliases, NODATA and NXDOMAIN apart", () => {
  const zone = zoneOf("example.org", [
    "@ A 192.0.2.1",
    "www A 192.0.2.2",
    "www A 192.0.2.3",
    "www AAAA 2001:db8::1",
    "web CNAME www",
    "deep.empty A 192.0.2.4",
    "flat ALIAS www.example.net.",
    "flat TXT x",
    "half ALIAS www.example.net.",
    "half A 192.0.2.5",
    "odd TYPE65280 \\# 1 FF",
  ]);
  check(zone, [
    ["@ SOA", "records SOA ns1.example.org admin.example.org 2026010100 3600 600 604800 300"],
    ["@ NS", "records NS ns1.example.org"],
    ["@ A", "records A 192.0.2.1"],
    ["@ AAAA", "no_data"],
    ["www A", "records A 192.0.2.2 192.0.2.3"],
    ["www CNAME", "no_data"],
    ["www SOA", "no_data", "an SOA query below the apex (RFC 1034)"],
    ["www ANY", "records A 192.0.2.2 192.0.2.3", "one set (RFC 8482)"],
    ["web A", "cname www.example.org"],
    ["web TYPE65280", "cname www.example.org"],
    ["web CNAME", "records CNAME www.example.org", "asked for itself"],
    ["web ANY", "records CNAME www.example.org"],
    ["web RRSIG", "no_data", "no signatures, and no alias for them"],
    ["empty A", "no_data", "empty non-terminal"],
    ["empty ANY", "no_data"],
    ["other.empty A", "no_name at empty"],
    ["nope A", "no_name at @"],
    ["x.www A", "no_name at www"],
    ["flat A", "alias www.example.net"],
    ["flat AAAA", "alias www.example.net"],
    ["flat TXT", 'records TXT "x"'],
    ["flat ALIAS", "no_data", "no type of the wire"],
    ["flat ANY", 'records TXT "x"'],
    ["half A", "records A 192.0.2.5", "an address of its own goes before"],
    ["half AAAA", "alias www.example.net"],
    ["odd TYPE65280", "records TYPE65280 \\# 1 FF"],
  ]);
});

Deno.test("Zone.find follows RFC 4592: a wildcard covers what no existing name encloses more closely", () => {
  check(
    zoneOf("example.org", [
      "* A 192.0.2.9",
      "host1 A 192.0.2.1",
      "_x.host2 A 192.0.2.2",
      "*.sub CNAME host1",
      "below.\\*.ent A 192.0.2.3",
    ]),
    [
      ["host3 A", "records A 192.0.2.9 at *"],
      ["foo.bar A", "records A 192.0.2.9 at *", "several labels"],
      ["host3 AAAA", "no_data at *", "the wildcard exists, the type doesn't"],
      ["host1 AAAA", "no_data", "the name exists"],
      ["below.host1 A", "no_name at host1", "host1 encloses it"],
      ["host2 A", "no_data", "empty non-terminal"],
      ["y.host2 A", "no_name at host2", "host2 encloses it"],
      ["* A", "records A 192.0.2.9", "asked by its name"],
      ["sub A", "no_data", "exists because of *.sub"],
      ["a.sub A", "cname host1.example.org at *.sub"],
      ["x.ent A", "no_data at *.ent", "the wildcard itself is an empty non-terminal"],
    ],
  );
  const below = DomainName.fromLabels(["a", "*", "example", "org"], "name").key;
  assert.equal(zoneOf("example.org", ["* A 192.0.2.9"]).find(below, typeCode("A")).kind, "no_name");
});

Deno.test("Zone.find stops at the topmost zone cut or DNAME, whatever is below", () => {
  check(
    zoneOf("example.org", [
      "sub NS ns.sub",
      "ns.sub A 192.0.2.1",
      "lower.sub NS ns.lower.sub",
      "*.sub A 192.0.2.2",
      "d DNAME target",
      "d A 192.0.2.3",
      "x.d A 192.0.2.4",
      "cut.d NS ns1",
      "*.w NS ns1",
    ]),
    [
      ["sub A", "delegation at sub"],
      ["sub NS", "delegation at sub"],
      ["sub SOA", "delegation at sub"],
      ["sub ANY", "delegation at sub"],
      ["sub DS", "no_data", "the parent's"],
      ["ns.sub A", "delegation at sub", "glue isn't an answer"],
      ["lower.sub DS", "delegation at sub", "a DS below the cut isn't ours"],
      ["nope.sub A", "delegation at sub"],
      ["d A", "records A 192.0.2.3", "a DNAME leaves its own name alone"],
      ["d DNAME", "records DNAME target.example.org"],
      ["x.d A", "dname target.example.org at d", "what stands below is hidden"],
      ["a.cut.d A", "dname target.example.org at d"],
      ["x.w NS", "records NS ns1.example.org at *.w", "no zone cut"],
    ],
  );
  check(zoneOf("example.org", ["@ DNAME example.net.", "www A 192.0.2.1"]), [
    ["www A", "dname example.net at @", "also at the apex"],
    ["@ SOA", "records SOA ns1.example.org admin.example.org 2026010100 3600 600 604800 300"],
  ]);
});

const a = (...data: string[]): RecordSet => ({ type: typeCode("A"), ttlSeconds: 300, data, signatures: [] });

Deno.test("Zone.replaceSets adds and removes names together with the empty ones above them", () => {
  const zone = zoneOf("example.org", ["a.b.c A 192.0.2.1", "b.c A 192.0.2.2"]);
  const put = (name: string, ...sets: RecordSet[]) => zone.replaceSets(key(`${name}.example.org`), sets);
  const kind = (name: string) => zone.find(key(`${name}.example.org`), typeCode("A")).kind;
  assert.equal(kind("c"), "no_data");
  put("a.b.c");
  assert.deepEqual([kind("a.b.c"), kind("b.c")], ["no_name", "records"]);
  put("b.c");
  assert.deepEqual([kind("b.c"), kind("c")], ["no_name", "no_name"]);
  put("never.there");
  assert.equal(kind("there"), "no_name");
  put("*", a("\x01\x02\x03\x04"));
  put("*", a("\x01\x02\x03\x05"));
  assert.deepEqual(zone.find(key("b.c.example.org"), typeCode("A")).set?.data, ["\x01\x02\x03\x05"]);
  put("*");
  assert.equal(kind("b.c"), "no_name");
  put("cut", { ...a(key("ns1.example.org")), type: typeCode("NS") });
  assert.equal(kind("x.cut"), "delegation");
  put("cut", a("\x01\x02\x03\x04"));
  assert.equal(kind("x.cut"), "no_name");
});

Deno.test("Zone.setsAt gives back what was put, with signatures, however long", () => {
  const zone = zoneOf("example.org", []);
  const sets: RecordSet[] = [
    { type: 1, ttlSeconds: 0, data: ["\x01\x02\x03\x04"], signatures: ["sig"] },
    { type: 16, ttlSeconds: 2 ** 31 - 1, data: ["\x00", "\xff".repeat(65_535)], signatures: ["a", "b".repeat(300)] },
    { type: 65_535, ttlSeconds: 300, data: [""], signatures: [] },
  ];
  zone.replaceSets(key("x.example.org"), sets);
  assert.deepEqual(zone.setsAt(key("x.example.org")), sets);
  assert.deepEqual(zone.setsAt(key("nope.example.org")), []);
  assert.deepEqual(zone.find(key("x.example.org"), 46).kind, "signatures");
});

Deno.test("Zone reads its SOA, and is not answerable without", () => {
  const zone = new Zone(DomainName.parse("example.org", "zone"));
  assert.equal(zone.isAnswerable, false);
  assert.throws(() => zone.serial, { message: "zone example.org has no SOA yet" });
  const { soaSet } = zoneOf("example.org", ["@ 60 SOA ns1 admin 7 3600 600 604800 300"]);
  zone.replaceSets(zone.key, [soaSet]);
  assert.deepEqual([zone.isAnswerable, zone.serial, zone.soa.primaryNs.text], [true, 7, "ns1.example.org"]);
  assert.equal(zone.negativeTtlSeconds, 60, "the smaller of TTL and minimum (RFC 2308 §5)");
  zone.replaceSets(zone.key, []);
  assert.equal(zone.isAnswerable, false);
});

Deno.test("Zone.canonicalNames keeps RFC 4034 §6.1 order as names come and go", () => {
  const zone = zoneOf("example.org", []);
  const put = (labels: string[], ...sets: RecordSet[]) =>
    zone.replaceSets(DomainName.fromLabels(labels, "name", zone.name).key, sets);
  // The example of the RFC, in its order: octets \001 and \200 among them.
  const ordered = [["a"], ["yljkjljk", "a"], ["z", "a"], ["zabc", "a"], ["z"], ["\x01", "z"], ["*", "z"], [
    "\x80",
    "z",
  ]];
  for (const labels of [...ordered].reverse()) put(labels, a("\x01\x02\x03\x04"));
  const names = () => zone.canonicalNames().slice(1).map((one) => textOfKey(one));
  const all = names();
  assert.equal(zone.canonicalNames()[0], zone.key);
  assert.deepEqual(all, ordered.map((labels) => textOfKey(DomainName.fromLabels(labels, "name", zone.name).key)));
  put(["z"]);
  put(["a", "z"], a("\x01\x02\x03\x04"));
  put(["\0", "a"], a("\x01\x02\x03\x04"));
  put(["\0\x01", "a"], a("\x01\x02\x03\x04"));
  const later = [...zone.canonicalNames()];
  assert.deepEqual(later, [...later].sort(compareKeys));
  assert.equal(later.length, ordered.length + 1 - 1 + 3);
  for (let i = 0; i < 100; i++) put([`n${i * 37 % 100}`], a("\x01\x02\x03\x04"));
  for (let i = 0; i < 100; i += 2) put([`n${i}`]);
  const many = [...zone.canonicalNames()];
  assert.deepEqual(many, [...many].sort(compareKeys));
  assert.deepEqual(new Set(many), new Set(zone.names()));
});

Deno.test("Zone holds thousands of names, and lets them go again", () => {
  const zone = zoneOf("example.org", []);
  const before = zone.size;
  const names = Array.from({ length: 5000 }, (_, i) => key(`h${i}.s${i % 7}.example.org`));
  for (const name of names) zone.replaceSets(name, [a(name.slice(0, 4))]);
  for (const name of names) assert.deepEqual(zone.find(name, 1).set?.data, [name.slice(0, 4)]);
  for (const [i, name] of names.entries()) if (i % 3 > 0) zone.replaceSets(name, []);
  for (const [i, name] of names.entries()) assert.equal(zone.find(name, 1).kind, i % 3 > 0 ? "no_name" : "records");
  for (const name of names) zone.replaceSets(name, []);
  assert.equal(zone.size, before);
});

Deno.test("ZoneDirectory.zoneFor takes the deepest zone by whole labels", () => {
  const zones = directoryOf(zoneOf("mcp.example", []), zoneOf("svc.mcp.example", []));
  const zoneFor = (directory: ZoneDirectory, name: string) => directory.zoneFor(key(name))?.name.text;
  for (
    const [name, want] of [
      ["a.svc.mcp.example", "svc.mcp.example"],
      ["svc.mcp.example", "svc.mcp.example"],
      ["node.mcp.example", "mcp.example"],
      ["xsvc.mcp.example", "mcp.example"],
      ["example", undefined],
      ["other.org", undefined],
    ] as const
  ) assert.equal(zoneFor(zones, name), want, name);
  zones.remove(key("svc.mcp.example"));
  assert.equal(zoneFor(zones, "a.svc.mcp.example"), "mcp.example");
  assert.deepEqual([...zones].map(({ name }) => name.text), ["mcp.example"]);
});
