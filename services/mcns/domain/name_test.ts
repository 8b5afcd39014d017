import assert from "node:assert/strict";
import { DomainName, isAtOrBelow, parentKey, rootKey, textOfKey } from "./name.ts";
import { plainKey, readKey } from "./name_text.ts";

const label63 = "a".repeat(63);

Deno.test("DomainName.parse takes names with and without the final dot and folds the case", () => {
  for (
    const [text, want] of [
      ["example.org", "example.org"],
      ["Example.ORG.", "example.org"],
      ["*.example.org", "*.example.org"],
      ["_acme-challenge.www.example.org", "_acme-challenge.www.example.org"],
      ["xn--bcher-kva.example", "xn--bcher-kva.example"],
      ["1.0.0.127.in-addr.arpa", "1.0.0.127.in-addr.arpa"],
      ["1.0/26.2.0.192.in-addr.arpa", "1.0/26.2.0.192.in-addr.arpa"], // RFC 2317
      ["_TCP.Example.org", "_tcp.example.org"],
      ["john\\.doe.Example.org", "john\\.doe.example.org"],
      ["\\074ohn\\032Doe.example.org.", "john\\032doe.example.org"],
      ["a\\!b\\043c.example.org", "a\\!b\\+c.example.org"],
      ["\\-a\\-.\\*.example.org", "\\-a\\-.\\*.example.org"],
      ["x\\..org", "x\\..org"],
      ["\\195\\132.org", "\\195\\132.org"], // octets above 127 have no case
      [`${label63}.org`, `${label63}.org`],
    ] as const
  ) assert.equal(DomainName.parse(text, "name").text, want);
});

Deno.test("DomainName.parse refuses what is no name and says why", () => {
  for (
    const [text, why] of [
      ["", /must be a domain name/],
      [".", /must be a domain name/],
      ["a..b", /labels are letters/],
      [".a", /labels are letters/],
      ["-a.org", /not "-" at either end/],
      ["a-.org", /not "-" at either end/],
      ["www.*.org", /labels are letters/], // a wildcard is the first label only
      ["*a.org", /labels are letters/],
      ["bücher.example", /xn--/],
      ["a b.org", /labels are letters/],
      ["a!b.org", /written with a backslash before it/],
      ["a@b.org", /labels are letters/],
      ["a\\256.org", /three digits up to 255/],
      ["a\\12.org", /three digits up to 255/],
      ["a.org\\", /three digits up to 255/],
      ["a\0b.org", /labels are letters/],
      [`${label63}a.org`, /at most 63 octets, got 64/],
      [`${label63}.${label63}.${label63}.${label63}`, /at most 255 octets, got 257/],
    ] as const
  ) assert.throws(() => DomainName.parse(text, "name"), (error: Error) => why.test(error.message), text);
});

Deno.test("DomainName.parse takes its own text back, for any octets that are written as escapes", () => {
  for (let octet = 0; octet < 256; octet++) {
    const name = DomainName.parse(`a\\${String(octet).padStart(3, "0")}b.example`, "name");
    const octets = String.fromCharCode(octet).replace(/[A-Z]/, (letter) => letter.toLowerCase());
    assert.equal(name.key, `\x03a${octets}b\x07example\0`);
    assert.equal(DomainName.parse(name.text, "name").key, name.key);
  }
});

Deno.test("readKey puts relative names below the origin", () => {
  const origin = DomainName.parse("example.org", "origin").key;
  for (
    const [text, want] of [
      ["www", "www.example.org"],
      ["www.example.org", "www.example.org.example.org"],
      ["www.example.net.", "www.example.net"],
      ["a\\.", "a\\..example.org"], // an escaped dot doesn't end the name
      ["@", "example.org"],
      [".", "."],
    ] as const
  ) assert.equal(textOfKey(readKey(text, Error, { origin })), want);
  assert.equal(plainKey("www", origin), "\x03www" + origin);
  assert.equal(plainKey("www.example.net.", origin), "\x03www\x07example\x03net\0");
  assert.equal(
    readKey("John+Doe.-x.*.y", Error, { anyCharacters: true, keepCase: true }),
    "\x08John+Doe\x02-x\x01*\x01y\0",
  );
});

Deno.test("isAtOrBelow compares whole labels", () => {
  const zone = DomainName.parse("example.org", "zone");
  for (
    const [text, want] of [
      ["example.org", true],
      ["a.b.example.org", true],
      ["badexample.org", false],
      ["org", false],
      ["example.com", false],
    ] as const
  ) assert.equal(DomainName.parse(text, "name").isAtOrBelow(zone), want, text);
  assert.ok(isAtOrBelow(zone.key, rootKey));
  // A label that holds what looks like the zone's wire form is still another label.
  const tricky = DomainName.fromLabels([`x${"\x07"}example${"\x03"}org`], "name");
  assert.equal(tricky.isAtOrBelow(zone), false);
});

Deno.test("textOfKey escapes dots inside labels and octets that don't print", () => {
  assert.equal(textOfKey("\x08john.doe\x03org\0"), "john\\.doe.org");
  assert.equal(textOfKey("\x03a\x00\xff\0"), "a\\000\\255");
  assert.equal(textOfKey('\x08a"$();@b\0'), 'a\\"\\$\\(\\)\\;\\@b');
  assert.equal(textOfKey(rootKey), ".");
  assert.equal(parentKey(rootKey), rootKey);
});
