/** What signing makes: RRSIG, NSEC (RFC 4034), NSEC3, NSEC3PARAM (RFC 5155); with CSYNC (RFC 7477), ZONEMD (RFC 8976). */
import { u16At, u16Octets } from "../octets.ts";
import { base64Rest, hexRest, sizedBase32, sizedHex } from "./binary.ts";
import { type DataType, type Field, fixedEnd } from "./field.ts";
import { algorithms } from "./keys.ts";
import { name } from "./names.ts";
import { namedNumber, number, time } from "./numbers.ts";
import { knownTypeCode, types, typeText } from "./record_type.ts";
import { typeSet } from "./type_bitmap.ts";

const typeCovered: Field = {
  name: "type covered",
  layout: 2,
  parse(tokens) {
    const text = tokens.word("type covered");
    const type = knownTypeCode(text);
    if (type === null) throw tokens.wrong("type covered", "is a name like A, or TYPE and a number", text);
    return u16Octets(type);
  },
  end: (data, at) => fixedEnd("type covered", data, at, 2),
  format: (data, at) => typeText(u16At(data, at)),
};

const nsec3Parameters = [
  number("hash algorithm", 1),
  number("flags", 1),
  number("iterations", 2),
  sizedHex("salt"),
];

export const dnssecTypes: readonly [number, DataType][] = [
  [types.RRSIG, {
    fields: [
      typeCovered,
      namedNumber("algorithm", 1, algorithms),
      number("labels", 1),
      number("original TTL", 4),
      time("expiration"),
      time("inception"),
      number("key tag", 2),
      name("signer", { any: true }),
      base64Rest("signature"),
    ],
    example: "A 15 3 300 20260131000000 20260117000000 12345 example.org q1OuCg==",
  }],
  [types.NSEC, {
    fields: [name("next name", { any: true, keepCase: true }), typeSet],
    example: "www.example.org A AAAA RRSIG NSEC",
  }],
  [types.NSEC3, {
    fields: [...nsec3Parameters, sizedBase32("next hash"), typeSet],
    example: "1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A RRSIG",
  }],
  [types.NSEC3PARAM, { fields: nsec3Parameters, example: "1 0 0 -" }],
  [types.CSYNC, {
    fields: [number("serial", 4), number("flags", 2), typeSet],
    example: "2026010100 3 A NS AAAA",
  }],
  [types.ZONEMD, {
    // RFC 8976 §2.2.4: a digest has at least 12 octets.
    fields: [number("serial", 4), number("scheme", 1), number("hash algorithm", 1), hexRest("digest", { min: 12 })],
    example: "2026010100 1 1 " +
      "C68090D90A7AED716BC459F9340E3D7C1370D4D24B7E2FC3A1DDC0B9A87153B9A9713B3C9AE5CC27777F98B8E730044C",
  }],
];
