import assert from "node:assert/strict";
import { seeded } from "@lib/testing/mod.ts";
import { parseIp } from "../domain/ip_address.ts";
import { CountryReader } from "./country_reader.ts";
import { MmdbData, mmdbTypes, type MmdbValue } from "./mmdb_data.ts";
import { MmdbReader } from "./mmdb_reader.ts";
import {
  assembleMmdb,
  control,
  country,
  MmdbSection,
  pointer,
  Typed,
  type Writable,
  writeMmdb,
  writeNode,
} from "./testing/mmdb_writer.ts";

const now = () => Promise.resolve();

Deno.test("MmdbReader.find and CountryReader: every record size, IPv4 alone and within IPv6", async () => {
  const ipv4: [string, Writable][] = [
    ["10.0.0.0/8", country("DE")],
    ["10.1.0.0/16", country("FR")],
    ["10.1.2.3/32", country("IT")],
    ["128.0.0.0/1", { registered_country: { iso_code: "US" } }],
    ["200.0.0.0/8", { country: {}, registered_country: { iso_code: "BR" } }],
    ["201.0.0.0/8", { continent: { code: "EU" } }],
    ["202.0.0.0/8", { country: { iso_code: "not a code" } }],
  ];
  const ipv6: [string, Writable][] = [["2001:db8::/32", country("CH")], ["2001:db8:1::/48", country("DE")]];
  const rows: [address: string, code: string][] = [
    ["10.0.0.1", "DE"],
    ["10.1.2.2", "FR"],
    ["10.1.2.3", "IT"],
    ["10.1.2.4", "FR"],
    ["::ffff:10.2.0.0", "DE"],
    ["11.0.0.0", "??"],
    ["255.255.255.255", "US"],
    ["200.1.1.1", "BR"],
    ["201.1.1.1", "??"],
    ["202.1.1.1", "??"],
  ];
  for (const recordSize of [24, 28, 32] as const) {
    const six = await CountryReader.open(writeMmdb([...ipv6, ...ipv4], { recordSize }), now);
    const four = await CountryReader.open(writeMmdb(ipv4, { recordSize, ipVersion: 4 }), now);
    for (const [address, code] of rows) {
      assert.equal(six.country(parseIp(address)!), code, `${address} in ${recordSize}`);
      assert.equal(four.country(parseIp(address)!), code, `${address} in ${recordSize}, IPv4 alone`);
    }
    for (const [address, code] of [["2001:db8::1", "CH"], ["2001:db8:1::", "DE"], ["2001:db9::", "??"]] as const) {
      assert.equal(six.country(parseIp(address)!), code, address);
      assert.equal(four.country(parseIp(address)!), "??", address);
    }
    assert.deepEqual({ ...six.metadata, nodeCount: 0 }, {
      databaseType: "Test-Country",
      buildEpoch: 1_790_000_000,
      ipVersion: 6,
      nodeCount: 0,
      recordSize,
    });
  }
});

Deno.test("MmdbReader: records of 28 and 32 bits reach data behind 16 MiB", () => {
  const section = new MmdbSection({ pointers: false });
  section.add(country("DE"));
  const offset = 2 ** 24 + 5;
  const data = new Uint8Array(offset + section.bytes.length);
  data.set(section.bytes, offset);
  for (const recordSize of [28, 32] as const) {
    for (const [left, right, address] of [[1, 17 + offset, "128.0.0.1"], [17 + offset, 1, "1.0.0.1"]] as const) {
      const reader = new MmdbReader(assembleMmdb(writeNode(left, right, recordSize), data, {
        build_epoch: 1,
        database_type: "Test",
        ip_version: 4,
        node_count: 1,
        record_size: recordSize,
      }));
      assert.equal(reader.find(parseIp(address)!), offset);
      assert.equal(reader.text(offset, "country", "iso_code"), "DE");
      assert.equal(reader.find(parseIp(address === "1.0.0.1" ? "128.0.0.1" : "1.0.0.1")!), -1);
    }
  }
});

Deno.test("MmdbData decodes every type and every size of it", () => {
  const long = "é".repeat(40_000);
  const value: Writable = {
    text: "text",
    empty: "",
    t28: "a".repeat(28),
    t29: "a".repeat(29),
    t284: "a".repeat(284),
    t285: "a".repeat(285),
    t65820: "a".repeat(65_820),
    t65821: "a".repeat(65_821),
    long,
    double: 0.1,
    float: new Typed("float", 0.5),
    bytes: new Uint8Array([0, 255]),
    uint16: new Typed("uint16", 65_535),
    zero: 0,
    uint32: 4_294_967_295,
    int32: -2_147_483_648,
    minusOne: -1,
    uint64: 18_446_744_073_709_551_615n,
    uint128: new Typed("uint128", 2n ** 128n - 1n),
    yes: true,
    no: false,
    array: ["shared", "shared", 1, [], {}],
    map: { "__proto__x": 1, inner: { text: "text" } },
  };
  const section = new MmdbSection();
  const offset = section.add(value);
  const data = new MmdbData(new Uint8Array(section.bytes));
  const plain = (typed: Writable): MmdbValue => {
    if (typed instanceof Typed) return typed.type === "uint128" ? BigInt(typed.value) : Number(typed.value);
    if (typed instanceof Uint8Array || typeof typed !== "object") return typed;
    if (Array.isArray(typed)) return typed.map(plain);
    const map: { [key: string]: MmdbValue } = Object.create(null);
    for (const [key, part] of Object.entries(typed)) map[key] = plain(part);
    return map;
  };
  assert.deepEqual(data.decode(offset), plain(value));
  assert.equal(data.text(offset, "map", "inner", "text"), "text");
  assert.equal(data.text(offset, "map", "inner"), null);
  assert.equal(data.text(offset, "map", "none", "text"), null);
  assert.equal(data.text(offset, "text", "text"), null);
  assert.equal(data.text(offset, "long"), long);
});

Deno.test("MmdbData follows pointers of every length", () => {
  const target = (length: number) => {
    const bytes = new Uint8Array(length + 16);
    bytes.set([...control(mmdbTypes.text, 2), 68, 69], length);
    return bytes;
  };
  for (const at of [0, 2047, 2048, 526_335, 526_336]) {
    const bytes = target(at);
    bytes.set(pointer(at), at + 4);
    assert.equal(new MmdbData(bytes).decode(at + 4), "DE", String(at));
  }
  // The longest form, for a target that a shorter one could name.
  const bytes = target(5);
  bytes.set([0x38, 0, 0, 0, 5], 9);
  assert.equal(new MmdbData(bytes).decode(9), "DE");
});

Deno.test("MmdbData refuses damaged and hostile data", () => {
  const { map, array, text } = mmdbTypes;
  const inCircle = [...control(map, 1), ...control(text, 1), 97, ...pointer(0)];
  // Ten levels of ten pointers each: ten thousand million values out of 200 octets.
  const unfolding: number[] = [];
  let before = 0;
  for (let level = 0; level < 10; level++) {
    const at = unfolding.length;
    unfolding.push(...control(array, 10));
    for (let i = 0; i < 10; i++) unfolding.push(...(level === 0 ? control(mmdbTypes.boolean, 1) : pointer(before)));
    before = at;
  }
  const rows: [bytes: number[], offset: number, message: RegExp][] = [
    [[], 0, /^1 octets at 0 run over the end of the section at 0$/],
    [control(text, 5), 0, /^5 octets at 1 run over the end/],
    [control(text, 400), 0, /^400 octets at 3 run over the end/],
    [[0x20], 0, /run over the end/],
    [[0x3f, 255, 255, 255, 255], 0, /^1 octets at 4294967295 run over the end/],
    [[...control(text, 1), 0xff], 0, /.*/],
    [[...pointer(2), ...pointer(0)], 0, /^the pointer to \d+ is pointed to$/],
    [pointer(0), 0, /is pointed to/],
    [inCircle, 0, /^values nested deeper than 64 at \d+: pointers in a circle\?$/],
    [unfolding, before, /^a record with more than 10000 values$/],
    [control(map, 16_000_000), 0, /run over the end/],
    [[...control(map, 1), ...control(mmdbTypes.boolean, 1)], 0, /^a key at 1 that is no text$/],
    [[...control(mmdbTypes.uint16, 3), 1, 2, 3], 0, /^a number of 3 octets, at most 2 fit/],
    [[...control(mmdbTypes.double, 4), 1, 2, 3, 4], 0, /^a floating point number of 4 octets/],
    [control(mmdbTypes.boolean, 2), 0, /^a boolean of 2/],
    [control(12, 0), 0, /^type 12 before 2 is no value$/],
    [control(13, 0), 0, /^type 13 before 2 is no value$/],
    [[0, 255], 0, /^type 262 before 2 is no value$/],
  ];
  for (const [bytes, offset, message] of rows) {
    assert.throws(() => new MmdbData(new Uint8Array(bytes)).decode(offset), { message }, message.source);
  }
  // The way through a circle is as long as the keys.
  assert.equal(new MmdbData(new Uint8Array(inCircle)).text(0, "a", "a", "a"), null);
});

Deno.test("MmdbReader and CountryReader.open refuse files that are none", async () => {
  const good = writeMmdb([["10.0.0.0/8", country("DE")]]);
  const withMetadata = (metadata: { [key: string]: Writable }) =>
    writeMmdb([["10.0.0.0/8", country("DE")]], { metadata });
  const uint16 = (value: number) => new Typed("uint16", value);
  const rows: [bytes: Uint8Array, message: RegExp][] = [
    [new Uint8Array(), /^no MaxMind DB file: its metadata isn't there$/],
    [good.subarray(0, 400), /^no MaxMind DB file/],
    [new Uint8Array([...good, ...new Uint8Array(200_000)]), /^no MaxMind DB file/],
    [good.subarray(0, good.length - 30), /run over the end/],
    [withMetadata({ binary_format_major_version: uint16(3) }), /^format version 3; version 2 can be read$/],
    [withMetadata({ record_size: uint16(20) }), /^records of 20 bits; there are 24, 28 and 32$/],
    [withMetadata({ ip_version: uint16(5) }), /^IP version 5; there are 4 and 6$/],
    [withMetadata({ node_count: 0 }), /^a tree of 0 nodes$/],
    [withMetadata({ node_count: 4_000_000_000 }), /^4000000000 nodes of 6 octets don't fit into the \d+ octets/],
    [withMetadata({ node_count: 100 }), /^the tree isn't followed by 16 zeros/],
    [withMetadata({ record_size: "24" }), /^the metadata has no number "record_size"$/],
    [withMetadata({ record_size: uint16(28) }), /^the tree isn't followed by 16 zeros|don't fit/],
    [
      writeMmdb([["10.0.0.0/8", { autonomous_system_number: 1 }]], { databaseType: "ASN" }),
      /^no country in it: .*"ASN"$/,
    ],
    [writeMmdb([]), /^no country in it/],
  ];
  for (const [bytes, message] of rows) {
    await assert.rejects(CountryReader.open(bytes, now), { message }, message.source);
  }
  const astray = good.slice();
  // The last node's right record leads far behind the data.
  const { nodeCount } = new MmdbReader(good).metadata;
  astray.set([255, 255, 255], nodeCount * 6 - 3);
  await assert.rejects(CountryReader.open(astray, now), {
    message: /^node \d+ leads to offset \d+ of \d+ octets of data$/,
  });
  assert.equal(new MmdbReader(astray).find(parseIp("11.0.0.1")!), -1);
});

Deno.test("CountryReader: 3,000 damaged files are refused, or answer without an error", async () => {
  const good = writeMmdb([
    ["10.0.0.0/8", country("DE")],
    ["10.128.0.0/9", { registered_country: { iso_code: "FR" } }],
    ["2001:db8::/32", country("CH")],
  ], { recordSize: 28 });
  const below = seeded(5);
  const addresses = ["10.0.0.1", "10.200.0.1", "2001:db8::1", "::", "255.255.255.255"].map((text) => parseIp(text)!);
  let refused = 0;
  for (let i = 0; i < 3000; i++) {
    const bytes = good.slice(0, below(8) === 0 ? below(good.length) : undefined);
    for (let changes = 1 + below(4); changes > 0 && bytes.length > 0; changes--) {
      bytes[below(bytes.length)] = below(256);
    }
    try {
      const reader = await CountryReader.open(bytes, now);
      for (const address of addresses) assert.match(reader.country(address), /^([A-Z]{2}|\?\?)$/);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      assert.ok(error instanceof Error && !(error instanceof ReferenceError), String(error));
      refused++;
    }
  }
  assert.ok(refused > 300 && refused < 2900, String(refused));
});

Deno.test("CountryReader.country looks at no more than an address has bits", async () => {
  const below = seeded(9);
  const codes = ["DE", "FR", "IT", "CH", "US", "BR", "JP"];
  const networks = Array.from({ length: 2000 }, () => {
    const cidr = `${1 + below(223)}.${below(256)}.${below(256)}.0/24`;
    return [cidr, country(codes[below(codes.length)]!)] as const;
  });
  const reader = await CountryReader.open(writeMmdb(networks), now);
  const addresses = Array.from({ length: 10_000 }, () => parseIp(networks[below(2000)]![0].split("/")[0]!)!);
  let best = Infinity;
  for (let round = 0; round < 20; round++) {
    const before = performance.now();
    for (const address of addresses) reader.country(address);
    best = Math.min(best, (performance.now() - before) / addresses.length * 1000);
  }
  // Some 0.2 µs; reading the whole tree would be a thousand.
  assert.ok(best < 30, `${best} µs`);
});
