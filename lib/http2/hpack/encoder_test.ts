import { deepEqual, equal, throws } from "node:assert/strict";
import { HpackDecoder } from "./decoder.ts";
import { HpackEncoder } from "./encoder.ts";

const pair = (maxTableBytes?: number) => ({
  encoder: new HpackEncoder(maxTableBytes),
  decoder: new HpackDecoder({ maxListBytes: 1 << 20 }),
});

Deno.test("HpackEncoder.encode takes one octet for each field that it sent before", () => {
  const { encoder, decoder } = pair();
  const head = [":status", "200", "content-type", "text/html; charset=utf-8", "server", "mcproxy", "x-name", "value"];
  deepEqual(decoder.decode(encoder.encode(head)).fields, head);
  equal(encoder.encode(head).length, 4);
  deepEqual(decoder.decode(encoder.encode(head)).fields, head);
});

Deno.test("HpackEncoder.encode never indexes credentials, short cookies and what the caller names", () => {
  const { encoder, decoder } = pair();
  const rows: [name: string, value: string, never: boolean][] = [
    ["authorization", "Bearer a-long-token-of-many-octets", true],
    ["proxy-authorization", "Basic eDp5", true],
    ["cookie", "id=1234567890123456", true],
    ["cookie", "id=12345678901234567", false],
    ["set-cookie", "id=1", true],
    ["x-plain", "1", false],
  ];
  for (const [name, value, never] of rows) {
    for (let time = 0; time < 2; time++) {
      const block = encoder.encode([name, value], new Set(["set-cookie"]));
      equal((block[0]! & 0xf0) === 0x10, never, name);
      const { fields, neverIndexed } = decoder.decode(block);
      deepEqual(fields, [name, value]);
      deepEqual([...neverIndexed ?? []], never ? [name] : []);
    }
  }
  // Also when the table has the pair already.
  const { neverIndexed } = decoder.decode(encoder.encode(["x-plain", "1"], new Set(["x-plain"])));
  deepEqual([...neverIndexed!], ["x-plain"]);
});

Deno.test("HpackEncoder.encode gives no entry to what rarely comes again or is heavier than half the table", () => {
  const { encoder, decoder } = pair();
  const fields = [":path", "/a/b", "content-length", "12345", "etag", '"x"', "location", "/b", "x", "y".repeat(2016)];
  for (let time = 0; time < 2; time++) deepEqual(decoder.decode(encoder.encode(fields)).fields, fields);
  equal(decoder.table.length, 0);
});

Deno.test("HpackEncoder.setMaxTableBytes is told in the next block: the smallest size, then the last", () => {
  const rows: [remark: string, own: number | undefined, settings: number[], hex: string][] = [
    ["unchanged", undefined, [4096], ""],
    ["none", undefined, [0], "20"],
    ["smaller", undefined, [256], "3fe101"],
    ["smaller, then as before", undefined, [256, 4096], "3fe101 3fe11f"],
    ["down and up in between", undefined, [1024, 0, 256], "20 3fe101"],
    ["larger than ours", undefined, [65_536], ""],
    ["larger, ours too", 8192, [65_536], "3fe13f"],
    ["ours alone is smaller", 100, [4096], "3f45"],
  ];
  for (const [remark, own, settings, hex] of rows) {
    const encoder = new HpackEncoder(own);
    for (const bytes of settings) encoder.setMaxTableBytes(bytes);
    equal(encoder.encode([]).toHex(), hex.replaceAll(" ", ""), remark);
    equal(encoder.encode([]).length, 0, remark);
  }
});

Deno.test("HpackEncoder keeps in step with a decoder while sizes change and entries go", () => {
  const { encoder, decoder } = pair();
  let seed = 12345;
  const random = (below: number) => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % below;
  for (let round = 0; round < 5000; round++) {
    if (random(50) === 0) encoder.setMaxTableBytes(random(3) === 0 ? random(200) : random(5000));
    const fields: string[] = [];
    for (let count = random(10); count > 0; count--) {
      fields.push(
        ["accept", "x-one", "x-two", `x-${random(300)}`, ":path", "cookie"][random(6)]!,
        "v".repeat(random(40)) + random(30),
      );
    }
    deepEqual(decoder.decode(encoder.encode(fields)).fields, fields);
  }
});

Deno.test("HpackEncoder.encode writes any Latin-1 text of any length", () => {
  const { encoder, decoder } = pair();
  for (const length of [0, 1, 12, 13, 126, 127, 128, 255, 20_000]) {
    for (const character of ["a", "\xe9", "\0"]) {
      const fields = ["x-text", character.repeat(length)];
      deepEqual(decoder.decode(encoder.encode(fields)).fields, fields);
    }
  }
});

Deno.test("HpackEncoder.encode refuses characters that are no octets", () => {
  const options = [{ huffman: true }, { huffman: false }];
  for (const option of options) {
    // U+010A cut to eight bits is a line feed.
    throws(() => new HpackEncoder(4096, option).encode(["x", "a\u010ab"]), RangeError);
    throws(() => new HpackEncoder(4096, option).encode(["x\u010a", "a"]), RangeError);
  }
});

Deno.test("HpackEncoder.encode leaves the tables in step after a list that it refused", () => {
  const { encoder, decoder } = pair();
  decoder.decode(encoder.encode(["x-one", "1", "x-two", "2"]));
  encoder.setMaxTableBytes(1000);
  throws(() => encoder.encode(["x-three", "3", "x-bad", "\u010a"]), RangeError);
  for (const fields of [["x-one", "1", "x-three", "3"], ["x-three", "3", "x-one", "1"]]) {
    deepEqual(decoder.decode(encoder.encode(fields)).fields, fields);
  }
  equal(decoder.table.maxBytes, 1000);
  equal(decoder.table.length, 2);
});
