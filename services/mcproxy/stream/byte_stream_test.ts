import assert from "node:assert/strict";
import { latin1, latin1With } from "./byte_stream.ts";

Deno.test("latin1 gives an octet per character, and every text bytes of its own", () => {
  const texts = [
    "",
    "GET / HTTP/1.1\r\n\r\n",
    "caf\u00e9",
    "\u00ff\u0080\u007f",
    "a".repeat(5000),
    "\u00e9".repeat(3000),
  ];
  // More than one slab's worth.
  const all = Array.from({ length: 60 }, () => texts).flat();
  const made = all.map(latin1);
  for (const [index, text] of all.entries()) {
    assert.deepEqual([...made[index]!], Array.from(text, (character) => character.charCodeAt(0)));
  }
});

Deno.test("latin1With has the whole text before the bytes, whatever room they make for UTF-8", () => {
  const octets = (text: string) => Array.from(text, (character) => character.charCodeAt(0));
  for (const body of ["", "x", "xy", "xyz", "x".repeat(300)]) {
    for (let length = 0; length < 200; length++) {
      const head = `HTTP/1.1 200 OK\r\nServer: ${"\u00e9".repeat(length)}\r\n\r\n`;
      assert.deepEqual([...latin1With(head, Uint8Array.from(octets(body)))], octets(head + body), `${length} of é`);
    }
  }
});
