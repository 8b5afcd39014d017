import assert from "node:assert/strict";
import { type CatalogMember, catalogRecords, type ExistingZone, followCatalog, readCatalog } from "./catalog.ts";
import { DomainName, textOfKey } from "./name.ts";
import { typeCode } from "./rdata/record_type.ts";
import { Zone } from "./zone.ts";

const name = (text: string) => DomainName.parse(text, "name");
const key = (text: string) => name(text).key;

/** "version TXT 2", "a.zones PTR example.org". */
function catalogOf(lines: readonly string[]): Zone {
  const zone = new Zone(name("cat.example"));
  for (const line of lines) {
    const [owner = "", type = "", value = ""] = line.split(" ");
    const data = type === "PTR" ? key(value) : String.fromCharCode(value.length) + value;
    const at = key(`${owner}.cat.example`);
    const before = zone.setsAt(at).find((set) => set.type === typeCode(type))?.data ?? [];
    zone.replaceSets(at, [{ type: typeCode(type), ttlSeconds: 0, data: [...before, data], signatures: [] }]);
  }
  return zone;
}

const member = (id: string, zone: string, group = "", newOwner: string | null = null): CatalogMember => ({
  id,
  zone: key(zone),
  group,
  newOwner: newOwner === null ? null : key(newOwner),
});

Deno.test("readCatalog reads the members and their properties", () => {
  const catalog = catalogOf([
    "version TXT 2",
    "b.zones PTR example.org",
    "a.zones PTR example.net",
    "group.a.zones TXT signed",
    "coo.b.zones PTR other.example",
    // What isn't known is passed over (RFC 9432 §3).
    "ext.a.zones TXT x",
    "c.zones TXT x",
    "deep.er.zones PTR example.com",
  ]);
  assert.deepEqual(readCatalog(catalog), [
    member("a", "example.net", "signed"),
    member("b", "example.org", "", "other.example"),
  ]);
});

Deno.test("readCatalog reads what catalogRecords writes", () => {
  const members = [member("a", "example.net", "signed"), member("b", "example.org", "", "other.example")];
  const zone = new Zone(name("cat.example"));
  for (const { owner, type, data } of catalogRecords(zone.name, members)) {
    zone.replaceSets(owner, [{ type, ttlSeconds: 0, data: [data], signatures: [] }]);
  }
  assert.deepEqual(readCatalog(zone), members);
});

Deno.test("readCatalog takes nothing from a broken catalog", () => {
  for (
    const [lines, message] of [
      [["a.zones PTR example.org"], /its version is not "2"/],
      [["version TXT 1", "a.zones PTR example.org"], /its version is not "2"/],
      [["version TXT 2", "version TXT 3"], /its version is not "2"/],
      [["version TXT 2", "a.zones PTR example.org", "a.zones PTR example.net"], /has 2 PTR records/],
      [["version TXT 2", "a.zones PTR example.org", "b.zones PTR example.org"], /example\.org stands in it twice/],
      [["version TXT 2", "a.zones PTR cat.example"], /it lists itself/],
    ] as const
  ) assert.throws(() => readCatalog(catalogOf(lines)), { code: "invalid", message }, lines.join(", "));
});

Deno.test("followCatalog adds, resets, takes over and removes its own zones, and leaves others alone", () => {
  const existing = new Map<string, ExistingZone>(
    ([
      ["same.example", "cat.example", "s", null],
      ["reset.example", "cat.example", "old", null],
      ["gone.example", "cat.example", "g", null],
      ["hand.example", null, "", null],
      ["kept.example", "other.example", "k", null],
      ["moves.example", "other.example", "m", "cat.example"],
      ["renews.example", "other.example", "n", "cat.example"],
      ["elsewhere.example", "other.example", "e", "third.example"],
    ] as const).map(([zone, catalog, id, newOwner]) => [
      key(zone),
      { catalog: catalog === null ? null : key(catalog), id, newOwner: newOwner === null ? null : key(newOwner) },
    ]),
  );
  const members = [
    member("a", "new.example"),
    member("s", "same.example"),
    member("r", "reset.example"),
    member("h", "hand.example"),
    member("k", "kept.example"),
    member("m", "moves.example"),
    member("x", "renews.example"),
    member("e", "elsewhere.example"),
  ];
  const mine = ["same.example", "reset.example", "gone.example"].map(key);
  const actions = followCatalog(key("cat.example"), members, (zone) => existing.get(zone), mine);
  assert.deepEqual(
    actions.map((action) => `${action.kind} ${textOfKey(action.kind === "remove" ? action.zone : action.member.zone)}`),
    [
      "remove gone.example",
      "add new.example",
      "reset reset.example",
      "clash hand.example",
      "clash kept.example",
      "take_over moves.example",
      "reset renews.example",
      "clash elsewhere.example",
    ],
  );
});
