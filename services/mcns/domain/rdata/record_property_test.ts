/** What holds for any data: random data of every type, mutations of it, random texts. */
import assert from "node:assert/strict";
import { PlatformError } from "@lib/errors/mod.ts";
import { seeded } from "@lib/testing/mod.ts";
import { toHex } from "../octets.ts";
import { canonicalData, checkData, exampleOf, formatData, namesIn, parseData, targetOf } from "./record_data.ts";
import { types, typeText } from "./record_type.ts";
import { typeBitmap, typesOfBitmap } from "./type_bitmap.ts";

const pick = seeded(3);
const octets = (length: number): string => Array.from({ length }, () => String.fromCharCode(pick(256))).join("");
const string = (length = pick(40)): string => String.fromCharCode(length) + octets(length);
const name = (): string => Array.from({ length: pick(5) }, () => string(1 + pick(20))).join("") + "\0";
const bitmap = (): string =>
  typeBitmap(Array.from({ length: 1 + pick(6) }, () => pick(3) === 0 ? pick(65536) : pick(300)));
const word = (): string => Array.from({ length: 1 + pick(9) }, () => "abz019"[pick(6)]).join("");

function parameters(): string {
  const values: [number, string][] = [
    [0, "\0\x01\0\x03"],
    [1, string(1 + pick(9)) + string(1 + pick(9))],
    [2, ""],
    [3, octets(2)],
    [4, octets(8)],
    [5, octets(1 + pick(20))],
    [6, octets(32)],
    [7, octets(1 + pick(20))],
    [8, ""],
    [9 + pick(65000), octets(pick(20))],
    [65535, octets(pick(20))],
  ];
  return values.filter(() => pick(2) === 0).map(([key, value]) =>
    String.fromCharCode(key >> 8, key & 0xff, 0, value.length) + value
  ).join("");
}

/** Well-formed data of the type, of random content. */
const wellFormed: Readonly<Record<string, () => string>> = {
  A: () => octets(4),
  AAAA: () => (octets(2 * pick(4)) + "\0".repeat(2 * pick(9)) + octets(16)).slice(0, 16),
  EUI48: () => octets(6),
  EUI64: () => octets(8),
  NS: name,
  CNAME: name,
  DNAME: name,
  PTR: name,
  ALIAS: name,
  RP: () => name() + name(),
  SOA: () => name() + name() + octets(20),
  MX: () => octets(2) + name(),
  AFSDB: () => octets(2) + name(),
  KX: () => octets(2) + name(),
  SRV: () => octets(6) + name(),
  NAPTR: () => octets(4) + string() + string() + string() + name(),
  URI: () => octets(4 + pick(30)),
  TXT: () => Array.from({ length: 1 + pick(4) }, () => string(pick(256))).join(""),
  SPF: () => string(),
  HINFO: () => string() + string(),
  CAA: () => {
    const tag = word();
    return octets(1) + String.fromCharCode(tag.length) + tag + octets(pick(40));
  },
  SSHFP: () => octets(3 + pick(40)),
  TLSA: () => octets(4 + pick(40)),
  SMIMEA: () => octets(4 + pick(40)),
  OPENPGPKEY: () => octets(1 + pick(90)),
  CERT: () => octets(6 + pick(40)),
  DHCID: () => octets(3 + pick(40)),
  DS: () => octets(5 + pick(40)),
  CDS: () => octets(5 + pick(40)),
  DNSKEY: () => octets(5 + pick(90)),
  CDNSKEY: () => octets(5 + pick(90)),
  RRSIG: () => octets(18) + name() + octets(1 + pick(90)),
  NSEC: () => name() + bitmap(),
  NSEC3: () => octets(4) + string() + string(1 + pick(40)) + bitmap(),
  NSEC3PARAM: () => octets(4) + string(),
  CSYNC: () => octets(6) + bitmap(),
  ZONEMD: () => octets(18 + pick(40)),
  SVCB: () => octets(2) + name() + parameters(),
  HTTPS: () => octets(2) + name() + parameters(),
  LOC: () => {
    const size = () => String.fromCharCode(pick(9) === 0 ? 0 : (1 + pick(9)) << 4 | pick(10));
    const angle = () => "\x80" + octets(3);
    return "\0" + size() + size() + size() + angle() + angle() + octets(4);
  },
  TYPE65280: () => octets(pick(40)),
};

const typesTested: readonly (readonly [string, number])[] = [
  ...Object.entries(types).filter(([, type]) => exampleOf(type) !== undefined),
  ["TYPE65280", 65280],
];

/** Both styles read back as the data, in canonical form. */
function assertReadsBack(type: number, data: string): void {
  for (const finalDot of [false, true]) {
    const text = formatData(type, data, { finalDot });
    assert.match(text, /^[\x20-\x7e]*$/);
    const again = parseData(type, text, { formOnly: true });
    assert.equal(toHex(again), toHex(canonicalData(type, data)), `${typeText(type)} ${text}`);
  }
}

Deno.test("formatData and parseData keep random data of every type", () => {
  for (const [text, type] of typesTested) {
    const make = wellFormed[text];
    assert.ok(make !== undefined, `a generator for ${text}`);
    for (let i = 0; i < 100; i++) {
      const data: string = make();
      assert.equal(checkData(type, data), null, `${text} ${toHex(data)}`);
      assertReadsBack(type, data);
    }
  }
});

Deno.test("checkData and formatData take any octets without a throw; what is well formed reads back", () => {
  let intact = 0;
  for (const [text, type] of typesTested) {
    for (let i = 0; i < 150; i++) {
      let data = i % 3 === 0 ? octets(pick(40)) : wellFormed[text]!();
      for (let hits = pick(3); hits > 0 && data !== ""; hits--) {
        const at = pick(data.length);
        data = data.slice(0, at) + (pick(2) === 0 ? octets(1) : "") + data.slice(at + pick(2));
      }
      if (checkData(type, data) === null) {
        intact++;
        targetOf(type, data);
        assertReadsBack(type, data);
      } else assert.match(formatData(type, data), /^\\# /);
    }
  }
  assert.ok(intact > 1000, `${intact} stayed well formed`);
});

Deno.test("parseData takes any text without another error than Invalid, and what it takes is well formed", () => {
  const characters = ' \t\n"\\;()@.=,-*#0123456789abcdefMXé\u{1f600}\ud800';
  let taken = 0;
  for (const [, type] of typesTested) {
    for (let i = 0; i < 150; i++) {
      let text = exampleOf(type) ?? "\\# 4 0A000001";
      if (i % 5 === 0) text = Array.from({ length: pick(30) }, () => characters[pick(characters.length)]).join("");
      for (let hits = pick(4); hits > 0; hits--) {
        const at = pick(text.length + 1);
        text = text.slice(0, at) + characters[pick(characters.length)] + text.slice(at + pick(3));
      }
      try {
        const data = parseData(type, text);
        assert.equal(checkData(type, data), null, text);
        assert.equal(parseData(type, formatData(type, data)), data, text);
        taken++;
      } catch (error) {
        assert.ok(error instanceof PlatformError && error.code === "invalid", `${text}: ${error}`);
      }
    }
  }
  assert.ok(taken > 500, `${taken} were taken`);
});

Deno.test("namesIn steps over data of every type that has names", () => {
  for (const [text, type] of typesTested) {
    const layout = namesIn(type);
    if (layout === undefined) continue;
    const data = wellFormed[text]!();
    let at = 0;
    for (const part of layout) {
      if (part === "n") { while (data.charCodeAt(at) > 0) at += data.charCodeAt(at) + 1; }
      at += part === "n" ? 1 : part === "s" ? 1 + data.charCodeAt(at) : part;
    }
    assert.ok(at <= data.length, text);
  }
});

Deno.test("typeBitmap and typesOfBitmap keep any set of types", () => {
  for (let i = 0; i < 200; i++) {
    const set = new Set(Array.from({ length: pick(20) }, () => pick(65536)));
    assert.deepEqual(typesOfBitmap(typeBitmap(set)), [...set].sort((a, b) => a - b));
  }
});
