import assert from "node:assert/strict";
import { DomainName, textOfKey } from "./name.ts";
import { typeCode, types, typeText } from "./rdata/record_type.ts";
import { changesByDeltas, changesToWhole, type NameChanges } from "./replica.ts";
import type { TransferRecord } from "./transfer_content.ts";
import { Zone } from "./zone.ts";

const apex = DomainName.parse("example.org", "zone");
const soa = (serial: number) => `\0\0\0\0\0${String.fromCharCode(serial)}${"\0".repeat(16)}`;

/** "www 60 A data"; "SOA 5"; data of RRSIG is the type covered and a text. */
function record(line: string): TransferRecord {
  const [name = "", ttl = "", type = "", data = "", text = ""] = line.split(" ");
  if (name === "SOA") return { owner: apex.key, type: types.SOA, ttlSeconds: 300, data: soa(Number(ttl)) };
  const owner = DomainName.parse(`${name}.example.org`, "name").key;
  const octets = type === "RRSIG" ? `\0${String.fromCharCode(typeCode(data))}${text}` : data;
  return { owner, type: typeCode(type), ttlSeconds: Number(ttl), data: octets };
}

function zoneOf(lines: readonly string[]): Zone {
  const zone = new Zone(apex);
  for (const [owner, sets] of changesToWhole(zone, lines.map(record))) zone.replaceSets(owner, sets);
  return zone;
}

function show(changes: NameChanges): string[] {
  return [...changes].map(([owner, sets]) =>
    `${textOfKey(owner)}: ${
      sets.map(({ type, ttlSeconds, data, signatures }) =>
        type === types.SOA
          ? `SOA ${data[0]!.charCodeAt(5)}`
          : `${typeText(type)} ${ttlSeconds} ${data.join(",")}${signatures.length > 0 ? "+" + signatures.length : ""}`
      ).join(" ") || "-"
    }`
  ).sort();
}

const present = ["SOA 5", "www 60 A 1", "www 60 A 2", "www 60 RRSIG A x", "mail 60 MX m", "old 60 TXT t"];

Deno.test("changesToWhole finds what is new, other or gone", () => {
  assert.deepEqual(show(changesToWhole(zoneOf(present), present.map(record))), ["example.org: SOA 5"]);
  assert.deepEqual(
    show(changesToWhole(
      zoneOf(present),
      [
        "SOA 6",
        "www 60 A 2",
        "www 60 A 1",
        "www 60 RRSIG A y",
        "mail 90 MX m",
        "new 60 A 1",
        "new 30 A 2",
        // Covers nothing.
        "new 60 RRSIG MX z",
      ].map(record),
    )),
    [
      "example.org: SOA 6",
      "mail.example.org: MX 90 m",
      "new.example.org: A 30 1,2",
      "old.example.org: -",
      "www.example.org: A 60 1,2+1",
    ],
  );
});

const delta = (from: number, to: number, removed: readonly string[], added: readonly string[]) => ({
  from,
  to,
  removed: [`SOA ${from}`, ...removed].map(record),
  added: [`SOA ${to}`, ...added].map(record),
});

Deno.test("changesByDeltas applies one difference after the other", () => {
  const deltas = [
    delta(5, 6, ["www 60 A 1", "www 60 RRSIG A x"], ["www 60 RRSIG A y", "new 60 A 1"]),
    delta(6, 7, ["old 60 TXT t", "new 60 A 1"], ["mail 60 MX n"]),
  ];
  assert.deepEqual(show(changesByDeltas(zoneOf(present), deltas)), [
    "example.org: SOA 7",
    "mail.example.org: MX 60 m,n",
    "old.example.org: -",
    "www.example.org: A 60 2+1",
  ]);
});

Deno.test("changesByDeltas wants the whole zone when the differences don't fit", () => {
  const zone = zoneOf(present);
  assert.throws(() => changesByDeltas(zone, [delta(5, 6, ["www 60 A 9"], [])]), {
    code: "invalid",
    message: "transfer: its differences don't fit: A at www.example.org, to be removed, isn't here",
  });
  assert.throws(() => changesByDeltas(zone, [delta(5, 6, [], ["www 60 A 2"])]), /to be added, is here already/);
});
