import assert from "node:assert/strict";
import { parseRoute, type RouteRules } from "./route.ts";
import { isBelow, matchedPath } from "./route_path.ts";
import { routeFor, RouteTable } from "./route_table.ts";

const rules: RouteRules = { listeners: ["https", "alt"], allowedHosts: ["127.0.0.1"], certificateDir: "/certs" };

function entry(hostname: string, path = "/", listener = "https") {
  const files = path === "/" ? { tlsCert: "a.pem", tlsKey: "a.key" } : { tlsCert: "", tlsKey: "" };
  return { route: parseRoute({ listener, hostname, path, mode: "l7", backends: ["127.0.0.1:1"], ...files }, rules) };
}

Deno.test("RouteTable.find takes the exact name, then the wildcard one label above, then *", () => {
  const table = new RouteTable<ReturnType<typeof entry>>();
  for (const name of ["a.test", "*.test", "*.b.test", "*"]) table.set([entry(name)]);
  table.set([entry("only.alt", "/", "alt")]);
  const rows: [listener: string, asked: string, found: string | undefined][] = [
    ["https", "a.test", "a.test"],
    ["https", "c.test", "*.test"],
    ["https", "c.b.test", "*.b.test"],
    // One label and no more (RFC 9525 §6.3): what the certificate couldn't cover isn't taken.
    ["https", "d.c.b.test", "*"],
    ["https", "test", "*"],
    ["https", "", "*"],
    ["alt", "only.alt", "only.alt"],
    ["alt", "a.test", undefined],
    ["none", "a.test", undefined],
  ];
  for (const [listener, asked, found] of rows) {
    assert.equal(table.find(listener, asked)?.root.route.hostname, found, `${listener} ${asked}`);
  }
  assert.equal(table.size, 5);
  assert.equal(table.delete("https", "*"), true);
  assert.equal(table.find("https", "zzz"), undefined);
  assert.equal(table.size, 4);
});

Deno.test("routeFor takes the longest path that is the request's or above it", () => {
  const table = new RouteTable<ReturnType<typeof entry>>();
  table.set(["/api", "/", "/api/v1", "/static"].map((path) => entry("a.test", path)));
  assert.equal(table.size, 4);
  const host = table.find("https", "a.test")!;
  const rows: [target: string, path: string][] = [
    ["/", "/"],
    ["/api", "/api"],
    ["/api?x=/api/v1", "/api"],
    ["/api/", "/api"],
    ["/apis", "/"],
    ["/api/v1/x", "/api/v1"],
    ["/api/v10", "/api"],
    ["/x/../api/v1", "/api/v1"],
    ["//api///v1", "/api/v1"],
    ["/%61pi/x", "/api"],
    ["/api%2fv1", "/api/v1"],
    ["/API", "/"],
    ["*", "/"],
  ];
  for (const [target, path] of rows) assert.equal(routeFor(host, matchedPath(target)).route.path, path, target);
});

Deno.test("matchedPath reads a path as a backend may, decoding once", () => {
  const rows: [target: string, path: string][] = [
    ["/a/b?c=%41", "/a/b"],
    ["/a/./b/../c/", "/a/c/"],
    ["/..", "/"],
    ["/a/..", "/"],
    ["/%2e%2e/a", "/a"],
    ["/%2541", "/%2541"],
    ["/a%20b", "/a%20b"],
    ["/a;b", "/a;b"],
    ["*", "*"],
  ];
  for (const [target, path] of rows) assert.equal(matchedPath(target), path, target);
  assert.equal(isBelow("/a", "/a"), true);
  assert.equal(isBelow("/ab", "/a"), false);
});
