import assert from "node:assert/strict";
import { formatCidr, lastWords, parseCidr } from "./cidr.ts";
import { formatIp } from "./ip_address.ts";

Deno.test("parseCidr: a network has one spelling, a first and a last address", () => {
  const rows: [text: string, canonical: string, last: string][] = [
    ["10.0.0.0/8", "10.0.0.0/8", "10.255.255.255"],
    ["0.0.0.0/0", "0.0.0.0/0", "255.255.255.255"],
    ["192.0.2.1", "192.0.2.1", "192.0.2.1"],
    ["192.0.2.1/32", "192.0.2.1", "192.0.2.1"],
    ["192.0.2.128/25", "192.0.2.128/25", "192.0.2.255"],
    ["192.0.2.2/31", "192.0.2.2/31", "192.0.2.3"],
    ["2001:DB8::/32", "2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"],
    ["::/0", "::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    ["2001:db8::1/128", "2001:db8::1", "2001:db8::1"],
    ["2001:db8:0:8000::/49", "2001:db8:0:8000::/49", "2001:db8:0:ffff:ffff:ffff:ffff:ffff"],
    ["::ffff:10.0.0.0/104", "10.0.0.0/8", "10.255.255.255"],
    ["::ffff:0:0/96", "0.0.0.0/0", "255.255.255.255"],
    ["::ffff:10.1.2.3", "10.1.2.3", "10.1.2.3"],
  ];
  for (const [text, canonical, last] of rows) {
    const cidr = parseCidr(text);
    assert.equal(formatCidr(cidr), canonical, text);
    assert.equal(formatIp({ family: cidr.first.family, words: lastWords(cidr) }), last, text);
  }
});

Deno.test("parseCidr refuses with the field, the rule, the value, and what to write", () => {
  const form = 'cidrs: must be an address or a network such as "192.0.2.0/24" or "2001:db8::/32", got';
  const rows: [text: string, message: string, hint?: string][] = [
    ["", `${form} ""`],
    ["example.org", `${form} "example.org"`],
    ["10.0.0.0/8/8", `${form} "10.0.0.0/8/8"`],
    ["10/8", `${form} "10/8"`],
    ["10.0.0.0/33", 'cidrs: must have a prefix length from 0 to 32, got "10.0.0.0/33"'],
    ["10.0.0.0/", 'cidrs: must have a prefix length from 0 to 32, got "10.0.0.0/"'],
    ["10.0.0.0/08", 'cidrs: must have a prefix length from 0 to 32, got "10.0.0.0/08"'],
    ["10.0.0.0/255.0.0.0", 'cidrs: must have a prefix length from 0 to 32, got "10.0.0.0/255.0.0.0"'],
    ["::/129", 'cidrs: must have a prefix length from 0 to 128, got "::/129"'],
    ["::ffff:10.0.0.0/8", 'cidrs: must have a prefix length from 96 to 128, got "::ffff:10.0.0.0/8"'],
    [
      "10.1.2.3/8",
      'cidrs: must have no bits set behind the prefix, got "10.1.2.3/8"',
      "Write 10.0.0.0/8 for the network, or 10.1.2.3 for that address alone",
    ],
    [
      "2001:db8::1/64",
      'cidrs: must have no bits set behind the prefix, got "2001:db8::1/64"',
      "Write 2001:db8::/64 for the network, or 2001:db8::1 for that address alone",
    ],
    [
      "0.0.0.1/0",
      'cidrs: must have no bits set behind the prefix, got "0.0.0.1/0"',
      "Write 0.0.0.0/0 for the network, or 0.0.0.1 for that address alone",
    ],
    [
      "fe80::1%eth0",
      'cidrs: must have no zone id, got "fe80::1%eth0"',
      "Leave %interface away: a rule is for an address, whatever the interface",
    ],
  ];
  for (const [text, message, hint] of rows) {
    assert.throws(() => parseCidr(text), { code: "invalid", message, ...(hint === undefined ? {} : { hint }) }, text);
  }
});
