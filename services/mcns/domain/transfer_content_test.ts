import assert from "node:assert/strict";
import { DomainName } from "./name.ts";
import { u32Octets } from "./octets.ts";
import { typeCode, types, typeText } from "./rdata/record_type.ts";
import { TransferReader, type TransferRecord } from "./transfer_content.ts";

const zone = DomainName.parse("example.org", "zone");

/** "SOA 5" is an SOA of that serial; "www A data" any other record; data "bad" doesn't pass the check. */
function record(line: string): TransferRecord {
  const [name = "", type = "", data = ""] = line.split(" ");
  if (name === "SOA") {
    return {
      owner: zone.key,
      type: types.SOA,
      ttlSeconds: 300,
      data: `soa${u32Octets(Number(type))}${"\0".repeat(16)}`,
    };
  }
  const owner = DomainName.parse(name.endsWith(".") ? name : `${name}.example.org`, "name").key;
  return { owner, type: typeCode(type), ttlSeconds: 300, data };
}

function outcome(held: number | null, lines: readonly string[]): string {
  const limits = { maxOctets: 1000, maxRecords: 20 };
  const reader = new TransferReader(zone, held, limits, (_, data) => data === "bad" ? "no such data" : null);
  try {
    for (const line of lines) reader.take(record(line));
    const content = reader.finish();
    assert.equal(reader.isDone, content.kind !== "current");
    const shown = (list: readonly TransferRecord[]) =>
      list.map(({ type, data }) => `${typeText(type)}${data.slice(0, 3)}`);
    switch (content.kind) {
      case "current":
        return `current ${content.serial}`;
      case "whole":
        return `whole ${content.serial}: ${shown(content.records).join(" ")}`;
      case "deltas":
        return content.deltas.map(({ from, to, removed, added }) =>
          `${from}-${to}: ${shown(removed).join(" ")} / ${shown(added).join(" ")}`
        ).join("; ");
    }
  } catch (error) {
    return (error as Error).message;
  }
}

Deno.test("TransferReader tells whole zones, differences and nothing new apart", () => {
  for (
    const [held, lines, want] of [
      [null, ["SOA 5", "www A 1", "SOA 5"], "whole 5: SOAsoa A1"],
      [null, ["SOA 5", "SOA 5"], "whole 5: SOAsoa"],
      // Asked for differences, given the zone: RFC 1995 §4.
      [3, ["SOA 5", "www A 1", "SOA 5"], "whole 5: SOAsoa A1"],
      [3, ["SOA 5", "SOA 5"], "whole 5: SOAsoa"],
      [5, ["SOA 5"], "current 5"],
      [3, ["SOA 5", "SOA 3", "www A 1", "SOA 5", "www A 2", "SOA 5"], "3-5: SOAsoa A1 / SOAsoa A2"],
      [
        3,
        ["SOA 5", "SOA 3", "www A 1", "SOA 4", "SOA 4", "SOA 5", "www A 2", "SOA 5"],
        "3-4: SOAsoa A1 / SOAsoa; 4-5: SOAsoa / SOAsoa A2",
      ],
      // Serials wrap around.
      [0xffff_ffff, ["SOA 1", "SOA 4294967295", "SOA 1", "SOA 1"], "4294967295-1: SOAsoa / SOAsoa"],
    ] as const
  ) assert.equal(outcome(held, lines), want, lines.join(", "));
});

Deno.test("TransferReader ends at the first record that can't be right", () => {
  for (
    const [held, lines, want] of [
      [null, [], "it has no record"],
      [null, ["www A 1"], "it starts with A at www.example.org, not with the SOA"],
      [null, ["SOA 5"], "it ended before its last record"],
      [null, ["SOA 5", "www A 1"], "it ended before its last record"],
      [null, ["SOA 5", "www A 1", "SOA 6"], "it starts with serial 5 and ends with 6: the zone changed meanwhile"],
      [null, ["SOA 5", "SOA 5", "www A 1"], "A at www.example.org comes after the last record"],
      [null, ["SOA 5", "www.example.net. A 1"], "A at www.example.net is not in the zone"],
      [null, ["SOA 5", "www SOA x"], "SOA at www.example.org is not at the apex"],
      [null, ["SOA 5", "www A bad"], "A at www.example.org: no such data"],
      [null, ["SOA 5", "www ANY 1"], "ANY at www.example.org: such records stand in no zone"],
      [null, ["SOA 5", `www TXT ${"x".repeat(1000)}`], "it has more than 1000 octets"],
      [null, ["SOA 5", ...Array.from({ length: 20 }, () => "a A 1")], "it has more than 20 records"],
      [3, ["SOA 5", "SOA 4", "SOA 5", "SOA 5"], "its differences start at serial 4, and ours is 3"],
      [3, ["SOA 5", "SOA 3", "SOA 2"], "its differences go back from serial 3 to 2"],
      [3, ["SOA 5", "SOA 3", "SOA 4", "SOA 3"], "after differences to serial 4 come some from 3"],
      [3, ["SOA 5", "SOA 3", "www A 1"], "it ended before its last record"],
    ] as const
  ) assert.equal(outcome(held, lines), `transfer: cannot be taken over: ${want}`, lines.join(", "));
});
