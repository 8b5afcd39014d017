import assert from "node:assert/strict";
import { DomainName } from "./name.ts";
import { typeCode } from "./rdata/record_type.ts";
import { allows, allowsZone, describeScopes, parseScope } from "./update_scope.ts";

const key = (text: string) => DomainName.parse(text, "name").key;

Deno.test("allows says which names and types a scope has", () => {
  for (
    const [names, types, asked, want] of [
      [["www"], [], "www.example.org A", true],
      [["www"], [], "WWW.example.org TXT", true],
      [["www"], [], "a.www.example.org A", false],
      [["www"], ["A"], "www.example.org AAAA", false],
      [["www"], ["A", "aaaa"], "www.example.org AAAA", true],
      [["@"], [], "example.org MX", true],
      [["@"], [], "www.example.org MX", false],
      [["*.lan"], [], "a.lan.example.org A", true],
      [["*.lan"], [], "b.a.lan.example.org A", true],
      // The wildcard record below lan is a name like others.
      [["*.lan"], [], "*.lan.example.org A", true],
      [["*.lan"], [], "lan.example.org A", false],
      [["*.lan"], [], "xlan.example.org A", false],
      [["lan", "*.lan"], [], "lan.example.org A", true],
      [["**"], [], "example.org A", true],
      [["**"], [], "a.b.c.example.org A", true],
      [["**"], [], "example.net A", false],
      [["**"], [], "xexample.org A", false],
      [["_acme-challenge.**"], ["TXT"], "_acme-challenge.example.org TXT", true],
      [["_acme-challenge.**"], ["TXT"], "_acme-challenge.a.b.example.org TXT", true],
      [["_acme-challenge.**"], ["TXT"], "_acme-challenge.a.example.org A", false],
      [["_acme-challenge.**"], ["TXT"], "x._acme-challenge.example.org TXT", false],
      [["_acme-challenge.**"], ["TXT"], "x_acme-challenge.example.org TXT", false],
      [["_acme-challenge.**"], ["TXT"], "example.org TXT", false],
      [["_acme-challenge"], ["TXT"], "_acme-challenge.a.example.org TXT", false],
    ] as const
  ) {
    const scope = parseScope({ zone: "example.org", names, types });
    const [name = "", type = ""] = asked.split(" ");
    const title = `${names} ${types}: ${asked}`;
    // A zone that isn't served here: names are asked for in the zone that has them.
    const zone = key(name).endsWith(key("example.org")) ? key("example.org") : key(name);
    assert.equal(allows([scope], zone, key(name), typeCode(type)), want, title);
  }
});

Deno.test("allows wants one scope with zone, name and type, not parts of several", () => {
  const scopes = [
    parseScope({ zone: "example.org", names: ["www"], types: ["A"] }),
    parseScope({ zone: "example.org", names: ["mail"], types: ["TXT"] }),
    parseScope({ zone: "lan.example.org", names: ["**"], types: [] }),
  ];
  assert.equal(allows(scopes, key("example.org"), key("www.example.org"), typeCode("TXT")), false);
  assert.equal(allows(scopes, key("example.org"), key("mail.example.org"), typeCode("TXT")), true);
  // The zone above has a scope of its own, and the deeper zone's doesn't reach into it.
  assert.equal(allows(scopes, key("example.org"), key("a.lan.example.org"), typeCode("A")), false);
  assert.equal(allows(scopes, key("example.org"), key("www.example.org"), null), false);
  assert.equal(allows(scopes, key("lan.example.org"), key("a.lan.example.org"), null), true);
  assert.equal(allowsZone(scopes, key("example.org")), true);
  assert.equal(allowsZone(scopes, key("example.net")), false);
  assert.deepEqual(describeScopes(scopes), [
    "A at www in example.org",
    "TXT at mail in example.org",
    "all types at ** in lan.example.org",
  ]);
});

Deno.test("parseScope names the part that is wrong", () => {
  for (
    const [names, types, field, message] of [
      [[], [], "scope.names", /at least one pattern/],
      [["www."], [], "scope.names", /relative to the zone/],
      [["a.b.**"], [], "scope.names", /one label before the stars/],
      [["a..b"], [], "scope.names", /.+/],
      [["www"], ["SOA"], "scope.types", /made from the zone's settings/],
      [["www"], ["RRSIG"], "scope.types", /made when the zone is signed/],
      [["www"], ["NONSENSE"], "scope.types", /must be a record type/],
    ] as const
  ) assert.throws(() => parseScope({ zone: "example.org", names, types }), { code: "invalid", field, message });
});
