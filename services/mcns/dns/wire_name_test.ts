import assert from "node:assert/strict";
import { textOfKey } from "../domain/name.ts";
import { readName } from "./wire_name.ts";

/** Twelve octets of header, then the octets written in hex. */
function packet(hex: string): Uint8Array {
  return Uint8Array.fromHex("00".repeat(12) + hex.replaceAll(" ", ""));
}

const label63 = "3f" + "61".repeat(63);

Deno.test("readName reads labels and pointers backwards", () => {
  for (
    const [hex, at, name, next, remark] of [
      ["00", 12, ".", 13, "the root"],
      ["03777777 03 6f7267 00", 12, "www.org", 21, ""],
      ["03575757 00", 12, "www", 17, "folded"],
      ["03 6f7267 00 03777777 c00c", 17, "www.org", 23, "pointer"],
      ["03 6f7267 00 01 61 c00c 01 62 c011", 21, "b.a.org", 25, "pointer to a pointer, further back each time"],
      ["03 6f2e67 00", 12, "o\\.g", 17, "a dot inside a label"],
      [label63 + label63 + label63 + "3d" + "61".repeat(61) + "00", 12, null, 267, "255 octets"],
    ] as const
  ) {
    const bytes = packet(hex);
    const read = readName(bytes, at, bytes.length);
    assert.ok(read, remark);
    assert.equal(read.next, next, remark);
    if (name !== null) assert.equal(textOfKey(read.name), name, remark);
    else assert.equal(read.name.length, 255, remark);
  }
});

Deno.test("readName refuses what is malformed", () => {
  for (
    const [hex, at, remark] of [
      ["", 12, "nothing there"],
      ["03 7777", 12, "label cut off"],
      ["03 777777", 12, "no end"],
      ["c0", 12, "pointer cut off"],
      ["c00c", 12, "pointer to itself"],
      ["c00d 00", 12, "pointer forwards"],
      ["0161 c00c", 12, "pointer into its own run: a loop"],
      ["0161 c00e 0162 c00c", 16, "two pointers at each other"],
      ["c000", 12, "pointer into the header"],
      ["40 00", 12, "label type 01"],
      ["80 00", 12, "label type 10"],
      [label63 + label63 + label63 + "3e" + "61".repeat(62) + "00", 12, "256 octets"],
    ] as const
  ) {
    const bytes = packet(hex);
    assert.equal(readName(bytes, at, bytes.length), null, remark);
  }
});

Deno.test("readName with keepCase gives the octets as sent", () => {
  const bytes = packet("03 57774c 00");
  assert.equal(readName(bytes, 12, bytes.length, true)?.name, "\x03WwL\0");
});

Deno.test("readName stops before `end` even where the packet goes on", () => {
  const bytes = packet("03777777 00");
  assert.equal(readName(bytes, 12, 16), null);
});
