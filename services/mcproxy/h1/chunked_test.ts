import assert from "node:assert/strict";
import { ChunkDecoder, chunkPrefixBytes, chunkSuffixBytes, frameChunk, lastChunk } from "./chunked.ts";

const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const text = (from: Uint8Array) => String.fromCharCode(...from);

/** Decodes `input` cut into pieces of `size`; returns the data, what is left over, and the decoder. */
function decode(input: string, size = input.length) {
  const decoder = new ChunkDecoder();
  let data = "";
  let used = 0;
  for (let at = 0; at < input.length && !decoder.done; at += size) {
    const piece = bytes(input.slice(at, at + size));
    const into = new Uint8Array(piece.length + 3);
    const { read, written } = decoder.decode(piece, into, 3);
    data += text(into.subarray(3, 3 + written));
    used += read;
  }
  return { data, left: input.slice(used), decoder };
}

Deno.test("ChunkDecoder decodes a body however it is cut", () => {
  const input = '5\r\nhello\r\n00A;ext="x y"\r\n, chunked!\r\n1;\r\n\n\r\n0;last\r\nX-Sum: 1 \r\nx-two:\r\n\r\nnext';
  for (let size = 1; size <= input.length; size++) {
    const { data, left, decoder } = decode(input, size);
    assert.equal(data, "hello, chunked!\n");
    assert.equal(left, "next");
    assert.deepEqual(decoder.trailers, [
      { name: "x-sum", shown: "X-Sum", value: "1" },
      { name: "x-two", shown: "x-two", value: "" },
    ]);
  }
});

Deno.test("ChunkDecoder refuses everything but the exact form", () => {
  const rows: [input: string, status: number, reason: string][] = [
    ["\r\n", 400, "chunk size is not hexadecimal"],
    ["x\r\n", 400, "chunk size is not hexadecimal"],
    ["-1\r\n", 400, "chunk size is not hexadecimal"],
    ["+1\r\n", 400, "chunk size is not hexadecimal"],
    ["0x1\r\n", 400, "chunk size is not hexadecimal"],
    [" 1\r\n", 400, "chunk size is not hexadecimal"],
    ["1 \r\n", 400, "chunk size is not hexadecimal"],
    ["1\t;x\r\n", 400, "chunk size is not hexadecimal"],
    ["1_0\r\n", 400, "chunk size is not hexadecimal"],
    ["00000000000001\r\n", 400, "chunk size too large"],
    ["ffffffffffffff\r\n", 400, "chunk size too large"],
    ["1\na", 400, "chunk size is not hexadecimal"],
    ["1\r\r\n", 400, "chunk size not followed by CRLF"],
    ["1\ra", 400, "chunk size not followed by CRLF"],
    // What some servers skip up to a bare line feed, hiding a second chunk.
    ["1;\n", 400, "control character in a chunk line"],
    ["1;a\0\r\n", 400, "control character in a chunk line"],
    [`1;${"a".repeat(257)}\r\n`, 400, "chunk extension too long"],
    ["1\r\nab", 400, "chunk not followed by CRLF"],
    ["1\r\na\n", 400, "chunk not followed by CRLF"],
    ["1\r\na\r\r", 400, "chunk not followed by CRLF"],
    ["0\r\nA: b\n\r\n", 400, "line feed without carriage return"],
    ["0\r\nA: b\rc\r\n", 400, "carriage return without line feed in the trailers"],
    ["0\r\nA b\r\n\r\n", 400, "field line without a colon"],
    ["0\r\nA : b\r\n\r\n", 400, "field name is not a token"],
    ["0\r\n A: b\r\n\r\n", 400, "folded field line"],
    ["0\r\nA: \x01\r\n\r\n", 400, "control character in the head"],
    [`0\r\nA: ${"b".repeat(8192)}`, 431, "trailers larger than 8192 bytes"],
    [`0\r\n${"A: b\r\n".repeat(65)}\r\n`, 431, "more than 64 trailers"],
  ];
  for (const [input, status, reason] of rows) {
    for (const size of [input.length, 1]) {
      assert.throws(() => decode(input, size), { name: "HttpFault", status, reason }, JSON.stringify(input));
    }
  }
});

Deno.test("ChunkDecoder ends only at the last chunk: every shorter body is unfinished", () => {
  const whole = "3\r\nabc\r\n0\r\nA: b\r\n\r\n";
  for (let length = 0; length < whole.length; length++) {
    assert.equal(decode(whole.slice(0, length)).decoder.done, false, JSON.stringify(whole.slice(0, length)));
  }
  assert.equal(decode(whole).decoder.done, true);
});

Deno.test("frameChunk and lastChunk write what ChunkDecoder reads", () => {
  for (const size of [0, 1, 15, 16, 255, 4096, 65536]) {
    const buffer = new Uint8Array(chunkPrefixBytes + size + chunkSuffixBytes).fill(97);
    const framed = text(frameChunk(buffer, size));
    assert.equal(framed, size === 0 ? "" : `${size.toString(16)}\r\n${"a".repeat(size)}\r\n`);
    const end = lastChunk([{ name: "a", shown: "A", value: "b" }]);
    assert.equal(end, "0\r\nA: b\r\n\r\n");
    const { data, decoder } = decode(framed + end);
    assert.equal(data.length, size);
    assert.ok(decoder.done);
  }
});
