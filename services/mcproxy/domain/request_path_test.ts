import assert from "node:assert/strict";
import { compileGlob } from "./glob.ts";
import { parsePathPattern, pathReadings } from "./request_path.ts";

Deno.test("pathReadings: a path that all backends understand alike has one reading", () => {
  const rows: [target: string, path: string][] = [
    ["/", "/"],
    ["/admin", "/admin"],
    ["/admin/?x=/../y", "/admin/"],
    ["/.well-known/acme-challenge/x", "/.well-known/acme-challenge/x"],
    ["/a...b/..c/d..", "/a...b/..c/d.."],
    ["/%61dmin", "/admin"],
    ["/%41%7a%2D%2e%5f%7E", "/Az-._~"],
    // May stand plainly, so there is one spelling for it.
    ["/%40a%3ab%2C", "/@a:b,"],
    // Encoded whatever the client did: what may not stand plainly, and the star, which is a wildcard in patterns.
    ["/%20%c3%a9%2a", "/%20%C3%A9%2A"],
    ["/é|*", "/%E9%7C%2A"],
    // Decoded once and no more.
    ["/%2561dmin", "/%2561dmin"],
    ["/%252e%252e/x", "/%252e%252e/x"],
    // No encoding: a plain percent sign.
    ["/100%", "/100%25"],
    ["/%zz%4", "/%25zz%254"],
    ["http://h/admin?q", "/admin"],
    ["http://h", "/"],
    ["http://h?q=/x", "/"],
    ["*", "%2A"],
    ["/\0", "/%00"],
  ];
  for (const [target, path] of rows) assert.deepEqual(pathReadings(target), [path], target);
});

Deno.test("pathReadings: what backends read differently has a reading for each", () => {
  const rows: [target: string, ...paths: string[]][] = [
    ["//admin", "//admin", "/admin"],
    ["/x/../admin", "/x/../admin", "/admin"],
    ["/./admin/.", "/./admin/.", "/admin/"],
    ["/../../admin", "/../../admin", "/admin"],
    ["/x/%2e%2E/admin", "/x/../admin", "/admin"],
    ["/x/..%2fadmin", "/x/..%2Fadmin", "/admin"],
    ["/x%2Fy", "/x%2Fy", "/x/y"],
    ["/x\\..\\admin", "/x%5C..%5Cadmin", "/admin"],
    ["/x%5c..%5cadmin", "/x%5C..%5Cadmin", "/admin"],
    ["/..;/admin;v=1/x", "/..;/admin;v=1/x", "/admin/x"],
    ["/admin%3bx", "/admin;x", "/admin"],
    ["/..", "/..", "/"],
    ["//x/..%2Fa;b", "//x/..%2Fa;b", "/x/..%2Fa;b", "/a;b", "/a"],
  ];
  for (const [target, ...paths] of rows) assert.deepEqual(pathReadings(target), paths, target);
});

Deno.test("pathReadings: no spelling dodges a block of /admin", () => {
  const block = [compileGlob("/admin"), compileGlob("/admin/*")];
  const targets = [
    ...["/admin", "/admin?x", "/%61dmin", "/%61%64%6D%69%6E", "//admin", "///admin", "/./admin", "/x/../admin"],
    ...["/x/%2e%2e/admin", "/x/.%2e/admin", "/%2e/admin", "/x/..%2fadmin", "/x%2f..%2fadmin", "/%2fadmin", "/%5cadmin"],
    ...["/x\\..\\admin", "/\\admin", "/admin;x", "/admin;/", "/;x/admin", "/x/..;/admin", "/x;/../admin", "/admin/"],
    ...["/admin/x", "/admin//", "/admin/.", "/admin/x/..", "/admin%2fx", "/admin\\x", "http://h/admin", "/../admin"],
    ...["/x/../admin/../admin/x", "/a/b/../../admin", "//x//../../admin"],
  ];
  for (const target of targets) {
    assert.ok(pathReadings(target).some((path) => block.some((glob) => glob.matches(path))), target);
  }
});

Deno.test("pathReadings: no spelling borrows an allow of /public/*", () => {
  const allow = compileGlob("/public/*");
  const targets = [
    ...["/public/../admin", "/public/..%2fadmin", "/public/..\\admin", "/public/..;/admin", "/admin/..%2fpublic/x"],
    ...["/admin/../public/x", "/admin;/../public/x", "//public/x", "/public/%2e%2e/admin"],
  ];
  for (const target of targets) assert.ok(!pathReadings(target).every((path) => allow.matches(path)), target);
  for (const target of ["/public/", "/public/a", "/%70ublic/a?b", "/public/a/../b", "/public//a"]) {
    assert.ok(pathReadings(target).every((path) => allow.matches(path)), target);
  }
});

Deno.test("pathReadings takes time in proportion to the path", () => {
  for (const part of ["/", "/..", ";", "%2f", "/a/../", "%", "\\", "/;"]) {
    const target = `/${part.repeat(8192 / part.length)}`;
    let best = Infinity;
    for (let i = 0; i < 10; i++) {
      const before = performance.now();
      pathReadings(target);
      best = Math.min(best, performance.now() - before);
    }
    assert.ok(best < 200, `${part}: ${best} ms`);
  }
});

Deno.test("parsePathPattern gives patterns the spelling that paths have", () => {
  const rows: [text: string, pattern: string][] = [
    ["/admin*", "/admin*"],
    ["*.php", "*.php"],
    ["*", "*"],
    ["/%61dmin?", "/admin?"],
    ["/caf\u00e9/*", "/caf%C3%A9/*"],
    ["/a b", "/a%20b"],
    ["/%2A", "/%2A"],
    ["/%3f", "/%3F"],
    ["/a%2fb", "/a%2Fb"],
  ];
  for (const [text, pattern] of rows) {
    assert.equal(parsePathPattern(text), pattern);
    assert.equal(parsePathPattern(pattern), pattern);
  }
  for (const text of ["", "admin", "?", "/a//b", "/a/../b", "/a/..", "/./a", "/a#b", `/${"a".repeat(256)}`]) {
    assert.throws(() => parsePathPattern(text), { code: "invalid", field: "paths" }, text);
  }
});
