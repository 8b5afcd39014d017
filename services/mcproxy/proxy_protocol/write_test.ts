import assert from "node:assert/strict";
import { parseProxyHeader } from "./header.ts";
import { type ProxiedConnection, writeProxyV1, writeProxyV2 } from "./write.ts";

const between = (source: string, destination: string): ProxiedConnection => ({
  source: { address: source, port: 56324 },
  destination: { address: destination, port: 443 },
});
const text = (bytes: Uint8Array) => String.fromCharCode(...bytes);
const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

Deno.test("writeProxyV1 and writeProxyV2 write both ends in one family", () => {
  // Source, destination; as the line has them; as they are read back from version 2.
  const cases: [string, string, string][] = [
    ["192.0.2.1", "198.51.100.2", "TCP4 192.0.2.1 198.51.100.2"],
    ["2001:db8::1", "2001:DB8:0:0::2", "TCP6 2001:db8::1 2001:db8::2"],
    // From a socket for both families.
    ["::ffff:192.0.2.1", "::ffff:198.51.100.2", "TCP4 192.0.2.1 198.51.100.2"],
    ["192.0.2.1", "2001:db8::2", "TCP6 ::ffff:192.0.2.1 2001:db8::2"],
    ["2001:db8::1", "198.51.100.2", "TCP6 2001:db8::1 ::ffff:198.51.100.2"],
  ];
  for (const [source, destination, line] of cases) {
    const connection = between(source, destination);
    assert.equal(text(writeProxyV1(connection)), `PROXY ${line} 56324 443\r\n`);
    const [, wantSource, wantDestination] = line.split(" ");
    for (
      const options of [{}, { authority: "a.test" }, { checksum: false }, { authority: "a.test", checksum: false }]
    ) {
      const whole = writeProxyV2(connection, options);
      const parsed = parseProxyHeader(whole);
      assert.ok(parsed.kind === "header", `${line}: ${JSON.stringify(parsed)}`);
      // What is mapped for the header's sake reads as IPv4.
      const plain = (address: string) => address.replace("::ffff:", "");
      assert.deepEqual(parsed.source, { address: plain(wantSource!), port: 56324 });
      assert.deepEqual(parsed.destination, { address: plain(wantDestination!), port: 443 });
      assert.equal(parsed.bytes, whole.length);
      assert.equal(parsed.tlvs.authority, options.authority ?? null);
      assert.equal(parsed.tlvs.checksum, options.checksum ?? true);
    }
  }
});

Deno.test("writeProxyV2 writes the specification's layout", () => {
  const bare = writeProxyV2(between("192.0.2.1", "198.51.100.2"), { checksum: false });
  assert.equal(hex(bare), "0d0a0d0a000d0a515549540a" + "2111000c" + "c0000201" + "c6336402" + "dc04" + "01bb");
  const named = writeProxyV2(between("192.0.2.1", "198.51.100.2"), { authority: "a.b", checksum: false });
  assert.equal(hex(named.subarray(14)), "0012" + "c0000201" + "c6336402" + "dc04" + "01bb" + "020003612e62");
});

Deno.test("writeProxyV1 and writeProxyV2 say of a connection without a client that it is one", () => {
  assert.equal(text(writeProxyV1(null)), "PROXY UNKNOWN\r\n");
  assert.equal(hex(writeProxyV2(null, { checksum: false })), "0d0a0d0a000d0a515549540a20000000");
  const parsed = parseProxyHeader(writeProxyV2(null));
  assert.ok(parsed.kind === "header" && parsed.command === "local");
});

Deno.test("writeProxyV1 and writeProxyV2 throw for what has no form", () => {
  const bad: ProxiedConnection[] = [
    between("a.test", "192.0.2.1"),
    between("192.0.2.1", ""),
    { ...between("192.0.2.1", "192.0.2.1"), source: { address: "192.0.2.1", port: 65536 } },
    { ...between("192.0.2.1", "192.0.2.1"), source: { address: "192.0.2.1", port: 1.5 } },
  ];
  for (const connection of bad) {
    assert.throws(() => writeProxyV1(connection), TypeError);
    assert.throws(() => writeProxyV2(connection), TypeError);
  }
  assert.throws(() => writeProxyV2(between("::1", "::1"), { authority: "a".repeat(256) }), TypeError);
});
