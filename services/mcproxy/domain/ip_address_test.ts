import assert from "node:assert/strict";
import { formatIp, parseIp } from "./ip_address.ts";

Deno.test("parseIp and formatIp: every form has one address, and every address one spelling", () => {
  const rows: [text: string, canonical: string][] = [
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["192.0.2.1", "192.0.2.1"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["2001:DB8::a", "2001:db8::a"],
    ["2001:0db8:0000:0000:0000:0000:0000:000a", "2001:db8::a"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    // RFC 5952 §4.2.2: a single zero group isn't shortened, but may be read shortened.
    ["1:2:3::5:6:7:8", "1:2:3:0:5:6:7:8"],
    // §4.2.3: of two runs the longer, of equal ones the first.
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["1:0:0:2:3:0:0:4", "1::2:3:0:0:4"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    // Mapped: an IPv4 client, whatever the socket.
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:c000:0201", "192.0.2.1"],
    ["0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"],
    // The deprecated compatible form is no mapped one.
    ["::192.0.2.1", "::c000:201"],
    ["ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ];
  for (const [text, canonical] of rows) {
    const address = parseIp(text);
    assert.ok(address, text);
    assert.equal(formatIp(address), canonical, text);
    assert.deepEqual(parseIp(canonical), address, text);
  }
});

Deno.test("parseIp refuses what readers understand differently", () => {
  const texts = [
    ...["", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.04", "0x1.2.3.4", "1.2.3.4 ", "1..2.3"],
    ...["1.2.3.-4", "1.2.3.1e1", ".1.2.3.4", "1.2.3.4.", "١.2.3.4", "4294967295"],
    ...[":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1:2:3:4:5:6:7:8", "12345::", "g::", ":1::"],
    ...["1:2:3:4:5:6:7:", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3", "::1.2.3.4:1", "::01.2.3.4", "fe80::1%eth0", "[::1]"],
    ...["::1/128", "0".repeat(1000)],
  ];
  for (const text of texts) assert.equal(parseIp(text), null, text);
});
