import assert from "node:assert/strict";
import { checkWritable, typeCode, types, typeText, writableTypes } from "./record_type.ts";

Deno.test("typeCode reads names in any case and TYPE with a number, typeText writes them", () => {
  for (
    const [text, code, written] of [
      ["A", 1, "A"],
      ["aaaa", 28, "AAAA"],
      ["Https", 65, "HTTPS"],
      ["TYPE1", 1, "A"],
      ["type65280", 65280, "TYPE65280"],
      ["TYPE0", 0, "TYPE0"],
      ["TYPE65535", 65535, "TYPE65535"],
      ["alias", 65401, "ALIAS"],
      ["ANY", 255, "ANY"],
    ] as const
  ) {
    assert.equal(typeCode(text), code, text);
    assert.equal(typeText(code), written, text);
  }
});

Deno.test("typeCode refuses what is no type", () => {
  for (const text of ["", "X", "TYPE", "TYPE65536", "TYPE01", "TYPE-1", "TYPE1x", "1", " A", "constructor"]) {
    assert.throws(() => typeCode(text), { code: "invalid", field: "type" }, text);
  }
  assert.throws(() => typeCode("FOO"), {
    message: 'type: must be a record type like A, MX or TXT ("FOO" is none known here); ' +
      "write others as TYPE and their number",
  });
});

Deno.test("checkWritable lets callers write data and says why not the rest", () => {
  for (const type of [...writableTypes, 65280, 1234]) checkWritable(type);
  for (
    const [type, why] of [
      [types.SOA, /SOA records can't be written: it is made from the zone's settings/],
      [types.RRSIG, /made when the zone is signed/],
      [types.NSEC3PARAM, /made when the zone is signed/],
      [types.ZONEMD, /digest of the zone/],
      [types.OPT, /stands in messages/],
      [types.ANY, /stands in messages/],
      [types.TSIG, /stands in messages/],
      [128, /TYPE128 .* stands in messages/],
      [0, /stands in messages/],
      [0xffff, /stands in messages/],
    ] as const
  ) assert.throws(() => checkWritable(type), { field: "type", message: why });
  assert.ok(writableTypes.includes(types.ALIAS) && !writableTypes.includes(types.SOA));
});
