import assert from "node:assert/strict";
import { joinScopes, parseScopes, splitScopes } from "./token_scopes.ts";

Deno.test("parseScopes takes scopes of services, each once, and none as no limit", () => {
  assert.equal(parseScopes([]), null);
  const scopes = ["mcns:record:example.org:_acme-challenge.**:TXT", "my-app-2:anything/at#all", "a:!~"];
  assert.deepEqual(parseScopes(scopes), scopes);
  assert.deepEqual(parseScopes(["a:b", "a:c", "a:b"]), ["a:b", "a:c"]);
  assert.deepEqual(splitScopes(joinScopes(scopes)), scopes);
  assert.equal(splitScopes(joinScopes(null)), null);
});

Deno.test("parseScopes names the scope that is wrong", () => {
  const long = (n: number) => `a:${"x".repeat(n - 2)}`;
  assert.deepEqual(parseScopes([long(256)]), [long(256)]);
  for (
    const [texts, field, message] of [
      [["a:b", "mcns"], "scopes[1]", /must be "<service>:<rest>".*got "mcns"/],
      [["mcns:"], "scopes[0]", /must be/],
      [[":x"], "scopes[0]", /must be/],
      [["MCNS:x"], "scopes[0]", /must be/],
      [["a.b:x"], "scopes[0]", /must be/],
      [["a:b c"], "scopes[0]", /must be/],
      [["a:b\nc"], "scopes[0]", /must be/],
      [["a:b\n"], "scopes[0]", /must be/],
      [['a:"'], "scopes[0]", /must be/],
      [["a:\\"], "scopes[0]", /must be/],
      [["a:\u00e9"], "scopes[0]", /must be/],
      [[""], "scopes[0]", /must be/],
      [[long(257)], "scopes[0]", /257 characters, at most 256/],
      [Array.from({ length: 33 }, (_, i) => `a:${i}`), "scopes", /33 entries, at most 32/],
      [Array.from({ length: 17 }, (_, i) => `${long(250)}${i}`), "scopes", /characters in all, at most 4096/],
    ] as [string[], string, RegExp][]
  ) assert.throws(() => parseScopes(texts), { code: "invalid", field, message }, texts.join());
});
