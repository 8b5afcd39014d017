import assert from "node:assert/strict";
import { address, matchPath, parsePattern } from "./route.ts";
import { safeReturn } from "./sign_in_page.tsx";

Deno.test("matchPath fills one segment per place, decoded, and takes nothing else", () => {
  const rows: [pattern: string, path: string, values: Record<string, string> | null][] = [
    ["/zones", "/zones", {}],
    ["/zones", "/zones/", null],
    ["/zones", "/Zones", null],
    ["/zones/{zone}", "/zones/example.org", { zone: "example.org" }],
    ["/zones/{zone}", "/zones/0%2F25.2.0.192.in-addr.arpa", { zone: "0/25.2.0.192.in-addr.arpa" }],
    ["/zones/{zone}", "/zones/", null],
    ["/zones/{zone}", "/zones/%", null],
    ["/zones/{zone}", "/zones/a/b", null],
    ["/zones/{zone}/history/{id}", "/zones/a/history/7", { zone: "a", id: "7" }],
    ["/", "/", {}],
  ];
  for (const [pattern, path, values] of rows) {
    assert.deepEqual(matchPath(parsePattern(pattern), path), values, `${pattern} ${path}`);
  }
});

Deno.test("address encodes what it puts in and leaves empty parameters out", () => {
  assert.equal(address("/zones/{zone}", { zone: "a/b" }), "/zones/a%2Fb");
  assert.equal(address("/x", {}, { q: "a&b", page: "", type: undefined }), "/x?q=a%26b");
});

Deno.test("safeReturn leads to this host only", () => {
  for (const good of ["/zones", "/zones/a?type=A&q=%26"]) assert.equal(safeReturn(good, "/home"), good);
  for (
    const bad of [
      "",
      "zones",
      "//evil.test",
      "/\\evil.test",
      "/.//evil.test",
      "/x/..//evil.test",
      "https://evil.test/",
      "/\t/evil.test",
      "javascript:alert(1)",
    ]
  ) assert.equal(safeReturn(bad, "/home"), "/home", bad);
});
