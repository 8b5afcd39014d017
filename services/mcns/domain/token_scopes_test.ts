import assert from "node:assert/strict";
import { DomainName } from "./name.ts";
import { typeCode } from "./rdata/record_type.ts";
import { RecordName } from "./record_name.ts";
import { checkScopesHaveRecords, checkScopesHaveZone, describeLimit, readTokenScopes } from "./token_scopes.ts";

const zone = DomainName.parse("example.org", "zone");

Deno.test("readTokenScopes reads scopes as TSIG keys have them, and what it can't read allows nothing", () => {
  for (
    const [scopes, lines] of [
      [["mcns:record:example.org:_acme-challenge.**:TXT"], ["TXT at _acme-challenge.** in example.org"]],
      [["mcns:record:Example.ORG.:www,*.lan:a,AAAA"], ["A, AAAA at www, *.lan in example.org"]],
      [["mcns:record:example.org:@"], ["all types at @ in example.org"]],
      [["mcr:pull:a", "mcns:record:example.org:www", "mcnsx:record:example.org:**"], [
        "all types at www in example.org",
      ]],
      [["mcns:zone:example.org"], [
        'nothing by scope "mcns:zone:example.org" isn\'t "mcns:record:ZONE:NAMES" with ":TYPES" after it or without',
      ]],
      [["mcns:record:example.org"], [/isn't "mcns:record:ZONE:NAMES"/]],
      [["mcns:record:example.org:www:A:B"], [/isn't "mcns:record:ZONE:NAMES"/]],
      [["mcns:record::www"], [/scope "mcns:record::www"\.zone: must be a domain name/]],
      [["mcns:record:example.org:www,"], [/\.names: must be a domain name/]],
      [["mcns:record:example.org:www:A,"], [/\.types: /]],
      [["mcns:record:example.org:www:"], [/\.types: /]],
      [["mcns:record:example.org:www:SOA"], [/\.types: .*made from the zone's settings/]],
      [["mcns:record:example.org:www.example.org."], [/\.names: is relative to the zone/]],
      [["mcns:record:example.org:a..b", "mcns:record:example.org:www:A"], ["A at www in example.org", /a\.\.b/]],
      [[], []],
    ] as [string[], (string | RegExp)[]][]
  ) {
    const got = describeLimit(readTokenScopes(scopes));
    assert.equal(got.length, lines.length, scopes.join());
    for (const [i, line] of lines.entries()) {
      if (typeof line === "string") assert.equal(got[i], line);
      else assert.match(got[i]!, line);
    }
  }
  assert.deepEqual(readTokenScopes(["mcns:record:example.org:www:A,"]).records, []);
});

Deno.test("checkScopesHaveRecords lets through what one scope has whole, and says what the token may do", () => {
  const limit = readTokenScopes(["mcns:record:example.org:_acme-challenge.**:TXT", "mcns:record:example.org:www"]);
  for (
    const [name, type, message] of [
      ["_acme-challenge.a", "TXT", null],
      ["www", "A", null],
      ["www", null, null],
      [
        "_acme-challenge.a",
        null,
        'Cannot read records of all types at "_acme-challenge.a" in example.org with this token: it is limited to TXT at _acme-challenge.** in example.org; all types at www in example.org',
      ],
      ["_acme-challenge.a", "A", /^Cannot read A at "_acme-challenge\.a" in example\.org/],
      [null, "TXT", /^Cannot read TXT at all names in example\.org/],
      [null, null, /^Cannot read records of all types at all names in example\.org/],
    ] as [string | null, string | null, string | RegExp | null][]
  ) {
    const place = {
      zone,
      name: name === null ? null : RecordName.parse(name, zone),
      type: type === null ? null : typeCode(type),
    };
    const check = () => checkScopesHaveRecords(limit, place, "read");
    if (message === null) check();
    else assert.throws(check, { code: "denied", rule: "token-scopes", message });
    checkScopesHaveRecords(null, place, "read");
  }
});

Deno.test("checkScopesHaveZone lets through the zones that scopes name", () => {
  checkScopesHaveZone(readTokenScopes(["mcns:record:example.org:www"]), zone);
  checkScopesHaveZone(null, zone);
  assert.throws(() => checkScopesHaveZone(readTokenScopes(["mcns:record:lan.example.org:www"]), zone), {
    message: "Cannot read zone example.org with this token: it is limited to all types at www in lan.example.org",
  });
  assert.throws(() => checkScopesHaveZone(readTokenScopes(["mcr:pull:a"]), zone), {
    message: "Cannot read zone example.org with this token: it has no scope of mcns",
  });
});
