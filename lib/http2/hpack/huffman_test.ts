import { equal, throws } from "node:assert/strict";
import { HpackError } from "../errors.ts";
import { huffmanDecode, huffmanEncode, huffmanLength, maxDecodedBytes } from "./huffman.ts";
import { latin1 } from "./latin1.ts";

function decode(coded: Uint8Array): string {
  const target = new Uint8Array(maxDecodedBytes(coded.length) + 1);
  return latin1(target, 0, huffmanDecode(coded, 0, coded.length, target));
}

function encode(text: string): Uint8Array {
  const target = new Uint8Array(huffmanLength(text));
  equal(huffmanEncode(text, target, 0), target.length);
  return target;
}

Deno.test("huffmanEncode and huffmanDecode are each other's inverse for every octet and pair of octets", () => {
  let all = "";
  for (let first = 0; first < 256; first++) {
    const one = String.fromCharCode(first);
    equal(decode(encode(one)), one);
    for (let second = 0; second < 256; second++) {
      const pair = one + String.fromCharCode(second);
      equal(decode(encode(pair)), pair);
    }
    all += one;
  }
  equal(decode(encode(all)), all);
});

Deno.test("huffmanEncode uses the codes of RFC 7541 Appendix B", () => {
  const rows: [text: string, hex: string][] = [
    ["", ""],
    ["0", "07"],
    ["\0", "ffc7"],
    ["!", "fe3f"],
    ["a", "1f"],
    ["~", "ffef"],
    ["\n", "fffffff3"],
    ["\\", "fffe1f"],
    ["\xff", "fffffbbf"],
    ["\x16", "fffffffb"],
  ];
  for (const [text, hex] of rows) equal(encode(text).toHex(), hex, JSON.stringify(text));
});

Deno.test("huffmanDecode refuses EOS and padding other than up to seven ones", () => {
  const padding = "Huffman string with malformed padding";
  const rows: [hex: string, reason: string, remark: string][] = [
    ["ff", padding, "eight ones"],
    ["1fff", padding, "a and eleven ones"],
    ["ffffff", padding, "24 ones"],
    ["fffffffc", "Huffman string with EOS inside", "EOS at the end"],
    ["ffffffff", "Huffman string with EOS inside", "EOS and ones"],
    ["1ffffffffc1f", "Huffman string with EOS inside", "a, EOS, more"],
    ["18", padding, "a and three zeros"],
    ["1e", padding, "a and 110"],
    ["fe", padding, "the first part of a longer code"],
  ];
  for (const [hex, message, remark] of rows) {
    throws(() => decode(Uint8Array.fromHex(hex)), (error) => {
      equal(error instanceof HpackError, true, remark);
      equal((error as HpackError).message, message, remark);
      return true;
    });
  }
});

Deno.test("huffmanLength refuses characters that are no octets", () => {
  // U+010A cut to eight bits is a line feed.
  throws(() => huffmanLength("a\u010aset-cookie"), RangeError);
});
