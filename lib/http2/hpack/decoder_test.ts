import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { errorCodes, HpackError } from "../errors.ts";
import { LimitPassed } from "../fault.ts";
import { HpackDecoder } from "./decoder.ts";
import { HpackEncoder } from "./encoder.ts";

const octets = (hex: string) => Uint8Array.fromHex(hex.replaceAll(" ", ""));
const decoder = (maxListBytes = 32_768, maxTableBytes = 4096) => new HpackDecoder({ maxTableBytes, maxListBytes });

const integerError = "integer above 2147483647 or of more than 5 octets after its prefix";
const refused: readonly [rule: string, hex: string, reason: string][] = [
  ["§6.1 index 0", "80", "index 0"],
  ["§2.3.3 index past an empty table", "be", "index 62 past the 61 entries"],
  ["§2.3.3 index past the table", "400161 0162 bf", "index 63 past the 62 entries"],
  ["§2.3.3 name's index, with indexing", "7f00", "index 63 past the 61 entries"],
  ["§2.3.3 name's index, without indexing", "0f2f", "index 62 past the 61 entries"],
  ["§2.3.3 name's index, never indexed", "1f2f", "index 62 past the 61 entries"],
  ["§5.1 above 2³¹ − 1", "ff 8180808008", integerError],
  ["§5.1 35 bits", "ff ffffffff7f", integerError],
  ["§5.1 six octets of nothing", "ff 808080808000", integerError],
  ["§5.1 no end in sight", "ff ffffffffffffffffffff", integerError],
  ["§5.1 string length above 2³¹ − 1", "00 7f ffffffff7f", integerError],
  ["§5.1 cut", "ff", "the block ends inside an integer"],
  ["§5.1 cut later", "ff80", "the block ends inside an integer"],
  ["§5.2 no name", "40", "the block ends before a string"],
  ["§5.2 no value", "41", "the block ends before a string"],
  ["§5.2 name past the block", "400361", "string of 3 octets, 1 are left"],
  ["§5.2 value past the block", "410561", "string of 5 octets, 1 are left"],
  ["§5.2 Huffman string past the block", "41851f", "string of 5 octets, 1 are left"],
  ["§5.2 huge length", "41 7f ffffff07", "string of 16777342 octets, 0 are left"],
  ["§5.2 EOS", "4184ffffffff", "Huffman string with EOS inside"],
  ["§5.2 padding longer than seven bits", "4182 1fff", "Huffman string with malformed padding"],
  ["§5.2 padding of zeros", "4181 18", "Huffman string with malformed padding"],
  ["§6.3 above the setting", "3fe21f", "table size update to 4097, above the 4096 announced"],
  ["§4.2 after a field", "82 20", "table size update after the first field"],
  ["§4.2 at the end of a block", "82 3fe11f", "table size update after the first field"],
  ["§4.2 three", "20 20 3fe11f", "more than 2 table size updates"],
];

Deno.test("HpackDecoder.decode refuses each malformed block with its reason", () => {
  for (const [rule, hex, reason] of refused) {
    throws(() => decoder().decode(octets(hex)), (error) => {
      equal(error instanceof HpackError, true, rule);
      equal((error as HpackError).message, reason, rule);
      equal((error as HpackError).code, errorCodes.compressionError);
      return true;
    });
  }
});

Deno.test("HpackDecoder.decode takes what is unusual but right", () => {
  const rows: [remark: string, hex: string, fields: string[]][] = [
    ["empty block", "", []],
    ["two size updates", "20 3fe11f", []],
    ["empty value", "4100", [":authority", ""]],
    ["empty Huffman string", "4180", [":authority", ""]],
    ["empty name", "4000 00", ["", ""]],
    ["integer longer than need be", "ff8000", ["", ""]],
    ["every octet", "00 01ff 01e4", ["\xff", "\xe4"]],
  ];
  for (const [remark, hex, fields] of rows) {
    if (remark.startsWith("integer")) {
      // Index 127 needs 66 entries; the octet 0x80 before 0x00 adds nothing.
      const one = decoder();
      for (let entry = 0; entry < 66; entry++) one.decode(octets("400000"));
      deepEqual(one.decode(octets(hex)).fields, fields, remark);
    } else deepEqual(decoder().decode(octets(hex)).fields, fields, remark);
  }
});

Deno.test("HpackDecoder keeps its table within its size, and within smaller ones it is told", () => {
  const one = decoder(32_768, 4096);
  for (let count = 0; count < 1000; count++) one.decode(octets("40 03 616263 02 6465"));
  equal(one.table.length, Math.floor(4096 / 37));
  one.decode(octets("3f22"));
  equal(one.table.maxBytes, 65);
  equal(one.table.length, 1);
  one.decode(octets("20"));
  equal(one.table.length, 0);
  one.decode(octets("400161 0162"));
  equal(one.table.length, 0);
});

Deno.test("HpackDecoder empties its table for an entry heavier than all of it", () => {
  const one = decoder(32_768, 64);
  one.decode(octets("400161 0162"));
  equal(one.table.length, 1);
  const block = new Uint8Array(40);
  block.set(octets("40 01 61 24"));
  deepEqual(one.decode(block).fields, ["a", "\0".repeat(36)]);
  equal(one.table.length, 0);
});

Deno.test("HpackDecoder.decode names an entry by one that this very entry evicts", () => {
  const one = decoder(32_768, 70);
  one.decode(octets("40 04 6e616d65 01 61"));
  deepEqual(one.decode(octets("7e 02 6262")).fields, ["name", "bb"]);
  equal(one.table.length, 1);
  equal(one.table.name(1), "name");
});

Deno.test("HpackDecoder.decode follows a list above the limit without keeping it, and goes on", () => {
  const one = decoder(100);
  const large = one.decode(octets("400161 0162 be be be"));
  deepEqual(large, { fields: [], tooLarge: true, neverIndexed: null });
  // 34 octets each: two fit, three don't.
  deepEqual(one.decode(octets("be be")), { fields: ["a", "b", "a", "b"], tooLarge: false, neverIndexed: null });
});

Deno.test("HpackDecoder.decode checks a literal above list and table without keeping it", () => {
  const rows: [form: string, table: number][] = [["00", 1], ["10", 1], ["40", 0]];
  for (const [form, entries] of rows) {
    const one = decoder(200, 256);
    one.decode(octets("400161 0162"));
    // Name "x", value of 300 octets.
    const block = new Uint8Array(306).fill(0x61);
    block.set(octets(`${form} 01 78 7f ad01`));
    equal(one.decode(block).tooLarge, true);
    equal(one.table.length, entries);
    throws(() => one.decode(octets("41 82 1fff")), HpackError);
  }
});

Deno.test("HpackDecoder.decode names what came never indexed", () => {
  const { neverIndexed } = decoder().decode(octets("1f08 0161 82 10 0178 0179"));
  deepEqual([...neverIndexed!], ["authorization", "x"]);
});

Deno.test("HpackDecoder.decode follows a bomb of references no further than a list may be meant", () => {
  const one = decoder();
  const entry = new HpackEncoder(4096, { unindexed: new Set() }).encode(["bomb", "b".repeat(1900)]);
  one.decode(entry);
  const bomb = new Uint8Array(1 << 20).fill(0xbe);
  const started = performance.now();
  // 2 GB if it were written out.
  throws(() => one.decode(bomb), LimitPassed);
  ok(performance.now() - started < 2000);
});

Deno.test("HpackDecoder.decode throws nothing but HpackError, whatever the octets, and never takes long", () => {
  let seed = 0x2545f491;
  const random = (below: number) => {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return (seed >>> 0) % below;
  };
  const names = [":method", ":path", "cookie", "x-a", "accept", "user-agent", "a-rather-long-name"];
  let slowest = 0;
  let failed = 0;
  let one = decoder(2000, 512);
  let encoder = new HpackEncoder(512);
  for (let round = 0; round < 20_000; round++) {
    let block: Uint8Array;
    if (random(3) === 0) {
      block = new Uint8Array(random(200)).map(() => random(256));
    } else {
      const fields: string[] = [];
      for (let field = random(12); field >= 0; field--) {
        fields.push(names[random(names.length)]!, String.fromCharCode(32 + random(224)).repeat(random(40)));
      }
      block = encoder.encode(fields).slice();
      for (let changes = random(4); changes > 0 && block.length > 0; changes--) {
        block[random(block.length)] = random(256);
      }
      if (random(8) === 0) block = block.subarray(0, random(block.length + 1));
    }
    const started = performance.now();
    try {
      const { fields, tooLarge } = one.decode(block);
      let bytes = 0;
      for (const text of fields) bytes += text.length + 16;
      ok(bytes <= 2000 && (!tooLarge || fields.length === 0));
    } catch (error) {
      if (!(error instanceof HpackError)) throw error;
      failed++;
      one = decoder(2000, 512);
      encoder = new HpackEncoder(512);
    }
    ok(one.table.bytes <= one.table.maxBytes);
    slowest = Math.max(slowest, performance.now() - started);
  }
  ok(failed > 2000 && failed < 19_000, `${failed} failed`);
  // A block of this size takes some microseconds; the rest is for a machine that does other things.
  ok(slowest < 2000, `slowest ${slowest} ms`);
});
