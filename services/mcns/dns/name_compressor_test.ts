import assert from "node:assert/strict";
import { LookupName } from "../domain/lookup_name.ts";
import { DomainName } from "../domain/name.ts";
import { NameCompressor } from "./name_compressor.ts";
import { readName } from "./wire_name.ts";

const key = (text: string): string => DomainName.parse(text, "name").key;

Deno.test("NameCompressor.write points at what stands in the message, in any letter case", () => {
  const out = new Uint8Array(100);
  const names = new NameCompressor();
  names.start(out);
  // The question, as the client spelled it.
  out.set(new TextEncoder().encode("\x03wWw\x07eXample\x03ORG\0"), 12);
  names.note(new LookupName().set(key("www.example.org")), 12);
  let at = 29;
  for (
    const [name, hex] of [
      ["www.example.org", "c00c"],
      ["example.org", "c010"],
      ["mail.example.org", "046d61696cc010"],
      ["mail.example.org", "c021"],
      ["ns.mail.example.org", "026e73c021"],
      ["example.net", "076578616d706c65036e657400"],
      ["net", "c037"],
      [".", "00"],
    ] as const
  ) {
    const end = names.write(name === "." ? "\0" : key(name), at, out.length);
    assert.equal(out.subarray(at, end).toHex(), hex, name);
    assert.equal(readName(out, at, end)?.name, name === "." ? "\0" : key(name));
    at = end;
  }
  names.start(out);
  assert.equal(names.write(key("www.example.org"), 29, out.length), 29 + 17, "a new message has no names");
});

Deno.test("NameCompressor.write says when a name doesn't fit", () => {
  const out = new Uint8Array(20);
  const names = new NameCompressor();
  for (const [limit, end] of [[17, 17], [16, -1], [5, -1], [0, -1]] as const) {
    names.start(out);
    assert.equal(names.write(key("www.example.org"), 0, limit), end);
  }
});

Deno.test("NameCompressor holds out with more names than it keeps", () => {
  const out = new Uint8Array(65_535);
  const names = new NameCompressor();
  names.start(out);
  let at = 12;
  for (let i = 0; i < 3000; i++) {
    const name = key(`h${i}.x${i % 50}.example.org`);
    const end = names.write(name, at, out.length);
    assert.equal(readName(out, at, end)?.name, name);
    at = end;
  }
  assert.ok(at < 3000 * 10, `${at} octets`);
});
