import assert from "node:assert/strict";
import { DomainName } from "./name.ts";
import { u32Octets } from "./octets.ts";
import { typeCode, types, typeText } from "./rdata/record_type.ts";
import {
  planUpdate,
  type RecordsAt,
  type RecordValues,
  updateClasses,
  UpdateFailure,
  type UpdateRecord,
} from "./update.ts";

/** Data is compared, not read: the text as it stands will do. */
const zone = DomainName.parse("example.org", "zone");
const soa = (serial: number) => `soa${u32Octets(serial)}${"\0".repeat(16)}`;
const present = [
  "@ 300 NS ns1",
  "@ 300 NS ns2",
  "@ 300 MX mail",
  "@ 300 DNSKEY key",
  "www 300 A 192.0.2.1",
  "www 300 A 192.0.2.2",
  "www 300 TXT hello",
  "www 300 RRSIG signature",
  "web 300 CNAME www",
  "sub 300 NS ns.sub",
  "one 60 A 192.0.2.9",
];

const keyOf = (name: string) =>
  name === "@" ? zone.key : DomainName.parse(
    name.endsWith(".") ? name : `${name}.example.org`,
    "name",
  ).key;

function recordsAt(): RecordsAt {
  const names = new Map<string, Map<number, RecordValues>>();
  names.set(zone.key, new Map([[types.SOA, { ttlSeconds: 300, data: [soa(2026112105)] }]]));
  for (const line of present) {
    const [name = "", ttl = "", type = "", data = ""] = line.split(" ");
    const sets = names.get(keyOf(name)) ?? new Map<number, RecordValues>();
    names.set(keyOf(name), sets);
    sets.set(typeCode(type), {
      ttlSeconds: Number(ttl),
      data: [...sets.get(typeCode(type))?.data ?? [], data],
    });
  }
  return (owner) => names.get(owner) ?? new Map();
}

/** Lines as nsupdate takes them. */
function read(line: string): { prerequisite: boolean; record: UpdateRecord } {
  const [verb = "", name = "", ...rest] = line.split(" ");
  const record = (type: number, recordClass: number, data = "", ttlSeconds = 0): UpdateRecord => ({
    owner: keyOf(name),
    type,
    class: recordClass,
    ttlSeconds,
    data: data.startsWith("serial=") ? soa(Number(data.slice(7))) : data,
  });
  const { IN, NONE, ANY } = updateClasses;
  const type = verb === "add" || rest[0] === undefined ? types.ANY : typeCode(rest[0]);
  switch (verb) {
    case "nxdomain":
      return { prerequisite: true, record: record(types.ANY, NONE) };
    case "yxdomain":
      return { prerequisite: true, record: record(types.ANY, ANY) };
    case "nxrrset":
      return { prerequisite: true, record: record(type, NONE) };
    case "yxrrset":
      return { prerequisite: true, record: record(type, rest[1] === undefined ? ANY : IN, rest[1] ?? "") };
    case "add":
      return { prerequisite: false, record: record(typeCode(rest[1]!), IN, rest[2] ?? "", Number(rest[0])) };
    case "del":
      return { prerequisite: false, record: record(type, rest[1] === undefined ? ANY : NONE, rest[1] ?? "") };
    case "raw": { // name type class ttl data
      const [, recordClass = "", ttl = "", data = ""] = rest;
      const one = record(type, Number(recordClass), data, Number(ttl));
      return { prerequisite: line.endsWith(" prereq"), record: one };
    }
    default:
      throw new Error(`unknown verb in "${line}"`);
  }
}

/** What an update changes, "name type: before → after", or the rcode it fails with. */
function outcome(lines: readonly string[], mayChange: (owner: string, type: number) => boolean = () => true): string[] {
  const parsed = lines.map(read);
  try {
    const changes = planUpdate(
      {
        zone,
        prerequisites: parsed.filter(({ prerequisite }) => prerequisite).map(({ record }) => record),
        changes: parsed.filter(({ prerequisite }) => !prerequisite).map(({ record }) => record),
      },
      recordsAt(),
      mayChange,
    );
    const values = (set: RecordValues | null) => set === null ? "-" : `${set.ttlSeconds} ${set.data.join(" ")}`;
    return changes.map(({ owner, type, before, after }) =>
      `${owner === zone.key ? "@" : owner.slice(1, 1 + owner.charCodeAt(0))} ${typeText(type)}: ${values(before)} → ${
        values(after)
      }`
    );
  } catch (error) {
    if (error instanceof UpdateFailure) return [error.rcode];
    throw error;
  }
}

Deno.test("planUpdate checks prerequisites as RFC 2136 §3.2 does", () => {
  for (
    const [line, want] of [
      ["yxdomain www", []],
      ["yxdomain nope", ["NXDOMAIN"]],
      ["nxdomain nope", []],
      ["nxdomain www", ["YXDOMAIN"]],
      // The apex always exists: the SOA counts.
      ["nxdomain @", ["YXDOMAIN"]],
      ["yxrrset @ SOA", []],
      ["yxrrset www A", []],
      ["yxrrset www AAAA", ["NXRRSET"]],
      ["nxrrset www AAAA", []],
      ["nxrrset www A", ["YXRRSET"]],
      ["nxrrset nope A", []],
      ["yxrrset nope A 192.0.2.1", ["NXRRSET"]],
      ["yxrrset one A 192.0.2.9", []],
      ["yxrrset one A 192.0.2.8", ["NXRRSET"]],
      // A part of the set is not the set.
      ["yxrrset www A 192.0.2.1", ["NXRRSET"]],
      ["yxdomain www.example.net.", ["NOTZONE"]],
      ["raw www A 255 60 - prereq", ["FORMERR"]],
      ["raw www A 255 0 data prereq", ["FORMERR"]],
      ["raw www A 254 0 data prereq", ["FORMERR"]],
      ["raw www A 3 0 data prereq", ["FORMERR"]],
    ] as const
  ) assert.deepEqual(outcome([line]), want, line);
  assert.deepEqual(outcome(["yxrrset www A 192.0.2.2", "yxrrset www A 192.0.2.1"]), []);
  assert.deepEqual(outcome(["yxrrset www A 192.0.2.2", "yxrrset www A 192.0.2.1", "yxrrset www TXT bye"]), ["NXRRSET"]);
  assert.deepEqual(outcome(["nxdomain nope", "nxdomain www", "add nope 60 A 192.0.2.7"]), ["YXDOMAIN"]);
});

Deno.test("planUpdate applies the update section as RFC 2136 §3.4 does", () => {
  for (
    const [lines, want] of [
      [["add new 60 A 192.0.2.7"], ["new A: - → 60 192.0.2.7"]],
      [["add www 300 A 192.0.2.3"], ["www A: 300 192.0.2.1 192.0.2.2 → 300 192.0.2.1 192.0.2.2 192.0.2.3"]],
      // It is there: nothing changes.
      [["add www 300 A 192.0.2.1"], []],
      // One TTL per set (RFC 2181 §5.2): the last one said.
      [["add one 90 A 192.0.2.9"], ["one A: 60 192.0.2.9 → 90 192.0.2.9"]],
      [["del www A 192.0.2.1"], ["www A: 300 192.0.2.1 192.0.2.2 → 300 192.0.2.2"]],
      [["del www A 192.0.2.77"], []],
      [["del www A"], ["www A: 300 192.0.2.1 192.0.2.2 → -"]],
      [["del nope A"], []],
      // What signing made stays signing's business.
      [["del www"], ["www A: 300 192.0.2.1 192.0.2.2 → -", "www TXT: 300 hello → -"]],
      [["del @"], ["@ MX: 300 mail → -"]],
      [["del @ NS"], []],
      [["del @ SOA"], []],
      [["del @ SOA serial=2026112105"], []],
      [["del @ NS ns1"], ["@ NS: 300 ns1 ns2 → 300 ns2"]],
      [["del @ NS ns1", "del @ NS ns2"], ["@ NS: 300 ns1 ns2 → 300 ns2"]],
      [["add @ 300 NS ns3", "del @ NS ns1", "del @ NS ns2"], ["@ NS: 300 ns1 ns2 → 300 ns3"]],
      [["del sub NS"], ["sub NS: 300 ns.sub → -"]],
      // A CNAME beside data, and data beside a CNAME, are passed over.
      [["add www 300 CNAME one"], []],
      [["add web 300 A 192.0.2.7"], []],
      [["add @ 300 CNAME one"], []],
      [["add web 300 CNAME one"], ["web CNAME: 300 www → 300 one"]],
      [["del web CNAME", "add web 300 A 192.0.2.7"], ["web A: - → 300 192.0.2.7", "web CNAME: 300 www → -"]],
      [["add web 300 A 192.0.2.7", "del web CNAME"], ["web CNAME: 300 www → -"]],
      // In the order of the message, and only what is left of it at the end.
      [["add new 60 A 192.0.2.7", "del new"], []],
      [["del one", "add one 60 A 192.0.2.9"], []],
      // An older or equal SOA is passed over; a newer one would set a serial that is ours to set.
      [["add @ 300 SOA serial=2026112105"], []],
      [["add @ 300 SOA serial=2026112104"], []],
      [["add www 300 SOA serial=2026112109"], []],
      [["add @ 300 SOA serial=2026112106"], ["REFUSED"]],
      [["add www 300 RRSIG x"], ["REFUSED"]],
      [["add new 300 TYPE65401 x"], ["REFUSED"]],
      [["add www.example.net. 300 A 192.0.2.7"], ["NOTZONE"]],
      [["add new 60 A 192.0.2.7", "add www 300 ANY x"], ["FORMERR"]],
      [["add new 60 A 192.0.2.7", "raw new AXFR 255 0 "], ["FORMERR"]],
      [["raw www A 255 60 "], ["FORMERR"]],
      [["raw www A 255 0 data"], ["FORMERR"]],
      [["raw www A 254 60 data"], ["FORMERR"]],
      [["raw www ANY 254 0 data"], ["FORMERR"]],
      [["raw www A 3 0 data"], ["FORMERR"]],
    ] as const
  ) assert.deepEqual(outcome(lines).sort(), [...want].sort(), lines.join("; "));
});

Deno.test("planUpdate refuses the whole message when the scope lacks one of its changes", () => {
  const mayChange = (owner: string, type: number) => owner === keyOf("www") && type === types.TXT;
  for (
    const [lines, want] of [
      [["add www 60 TXT new"], ["www TXT: 300 hello → 60 hello new"]],
      [["add www 60 TXT new", "add one 60 TXT new"], ["REFUSED"]],
      [["add www 60 A 192.0.2.7"], ["REFUSED"]],
      [["del www TXT"], ["www TXT: 300 hello → -"]],
      [["del www A"], ["REFUSED"]],
      [["del one A 192.0.2.9"], ["REFUSED"]],
      // Everything at the name: its A records aren't in the scope.
      [["del www"], ["REFUSED"]],
      [["del nope"], []],
      // What is malformed is told first.
      [["add one 60 ANY x"], ["FORMERR"]],
      [["nxdomain www", "add one 60 A 192.0.2.7"], ["YXDOMAIN"]],
    ] as const
  ) assert.deepEqual(outcome(lines, mayChange), want, lines.join("; "));
});
