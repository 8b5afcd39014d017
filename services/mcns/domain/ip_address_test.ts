import assert from "node:assert/strict";
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "./ip_address.ts";

Deno.test("parseIpv4 takes strict dotted decimal only", () => {
  for (const text of ["0.0.0.0", "127.0.0.1", "255.255.255.255"]) {
    const octets = parseIpv4(text);
    assert.ok(octets, text);
    assert.equal(formatIpv4(octets), text);
  }
  for (
    const text of [
      "",
      "1.2.3",
      "1.2.3.4.5",
      "256.1.1.1",
      "01.2.3.4",
      "1.2.3.-4",
      " 1.2.3.4",
      "1.2.3.4 ",
      "0x1.2.3.4",
      "1..2.3",
      ".1.2.3",
      "1.2.3.",
      "00.1.2.3",
      "1.2.3.0000",
    ]
  ) {
    assert.equal(parseIpv4(text), null, text);
  }
});

Deno.test("parseIpv6 and formatIpv6 give one spelling per address", () => {
  for (
    const [text, want] of [
      ["::", "::"],
      ["::1", "::1"],
      ["1::", "1::"],
      ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
      ["2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"], // first of two equal runs
      ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"], // one zero group stays
      ["0:0:1:0:0:0:0:1", "0:0:1::1"], // the longer run
      ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
      ["::ffff:c000:201", "::ffff:192.0.2.1"],
      ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
      ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ] as const
  ) {
    const octets = parseIpv6(text);
    assert.ok(octets, text);
    assert.equal(formatIpv6(octets), want, text);
  }
});

Deno.test("parseIpv6 refuses what is no address", () => {
  for (
    const text of [
      "",
      ":",
      ":::",
      "1",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1::2::3",
      "12345::",
      "g::",
      "fe80::1%eth0",
      "1.2.3.4",
    ]
      .concat(["1.2.3.4::", "::1.2.3", "1:2:3:4:5:6:7:8::", ":1:2:3:4:5:6:7", "::1.2.3.4:5"])
  ) assert.equal(parseIpv6(text), null, text);
});
