import assert from "node:assert/strict";
import { piecesOf } from "./pieces.ts";

Deno.test("piecesOf cuts behind lines, inside of those that are longer, and loses nothing", () => {
  for (
    const [text, length, want] of [
      ["a\nbb\nccc\n", 100, ["a\nbb\nccc\n"]],
      ["a\nbb\nccc\n", 9, ["a\nbb\nccc\n"]],
      ["a\nbb\nccc\n", 8, ["a\nbb\n", "ccc\n"]],
      ["a\nbb\nccc\n", 4, ["a\n", "bb\n", "ccc\n"]],
      ["a\nbb\nccc\n", 5, ["a\nbb\n", "ccc\n"]],
      ["aaaaaa\nb\n", 4, ["aaaa", "aa\n", "b\n"]],
      ["aaaa\nb", 4, ["aaaa", "\nb"]],
      ["no end", 3, ["no ", "end"]],
      ["", 4, [""]],
    ] as [string, number, string[]][]
  ) {
    const pieces = [...piecesOf(text, length)];
    assert.equal(pieces.join(""), text);
    assert.deepEqual(pieces, want, `${JSON.stringify(text)} by ${length}`);
  }
});
