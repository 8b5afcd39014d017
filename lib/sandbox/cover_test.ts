import { deepEqual, equal } from "node:assert/strict";
import { covers } from "./cover.ts";
import { derive } from "./derive.ts";
import type { GrantKind } from "./grant.ts";

const pairs: [kind: GrantKind, wide: string, narrow: string, covered: boolean][] = [
  ["net", "127.0.0.1", "127.0.0.1:443", true],
  ["net", "127.0.0.1", "127.0.0.2:443", false],
  ["net", "127.0.0.1:443", "127.0.0.1", false],
  ["net", "127.0.0.1:44", "127.0.0.1:443", false],
  ["net", "127.0.0.0/8", "127.1.2.3:53", true],
  ["net", "127.0.0.0/8", "127.1.2.3", true],
  ["net", "127.0.0.0/8", "128.0.0.1:53", false],
  ["net", "0.0.0.0/0", "192.0.2.1:53", true],
  ["net", "192.0.2.128/25", "192.0.2.127", false],
  // A network is of addresses: names are not looked up.
  ["net", "0.0.0.0/0", "example.org:443", false],
  ["net", "0.0.0.0/0", "[::1]:53", false],
  ["net", "[::1]", "[::1]:53", true],
  ["net", "unix:/run", "unix:/run/a.sock", false],
  ["read", "/srv/a", "/srv/a/b/c", true],
  ["read", "/srv/a/", "/srv/a/b", true],
  ["read", "/srv/a", "/srv/ab", false],
  ["read", "/srv/a/b", "/srv/a", false],
  ["env", "MCNS_*", "MCNS_DNS_LISTEN", true],
  ["env", "MCNS_*", "MCNSX", false],
  ["run", "/bin/deno", "/bin/deno", true],
  ["run", "/bin", "/bin/deno", false],
];
for (const [kind, wide, narrow, covered] of pairs) {
  Deno.test(`covers: ${kind} ${wide} ${covered ? "has" : "doesn't have"} ${narrow}`, () => {
    equal(covers({ kind, value: wide }, { kind, value: narrow }), covered);
  });
}

Deno.test("covers: no kind is within another", () =>
  equal(covers({ kind: "write", value: "/a" }, { kind: "read", value: "/a" }), false));

const config = {
  a: { folder: "/srv/a", file: "/srv/a/key", port: "127.0.0.1:53", ca: "/pki/root.pem" },
  b: ["127.0.0.0/8"],
};

Deno.test("derive joins a grant that another includes to that one, with its reason and value", () => {
  const declaration = { program: "a", listen: ["a.port"], datagramPeers: ["b"], read: ["a.file"], write: ["a.folder"] };
  deepEqual(derive({ declaration, config }).grants, [
    { kind: "net", value: "127.0.0.0/8", reason: "answers datagrams of: [b]; listens: [a].port (127.0.0.1:53)" },
    { kind: "read", value: "/srv/a", reason: "reads and writes: [a].folder; reads: [a].file (/srv/a/key)" },
    { kind: "write", value: "/srv/a", reason: "reads and writes: [a].folder" },
  ]);
});

Deno.test("derive keeps the grant of a name that reads as unset without its own", () => {
  const extra = { env: [{ name: "NODE_*", reason: "pattern" }, { name: "NODE_NAME", reason: "name" }] };
  deepEqual(derive({ declaration: { program: "node" }, config: {}, extra }).grants.map(({ value }) => value), [
    "NODE_*",
    "NODE_NAME",
  ]);
});

Deno.test("derive grants a verb that is listed what it needs alone, and others what the server has", () => {
  const declaration = { program: "a", read: ["a.key"], verbs: { status: { read: ["a.ca"] } } };
  const own = { a: { key: "/a/key", ca: "/pki/root.pem" } };
  const server = [{ kind: "read" as const, value: "/a/key", reason: "reads: [a].key" }];
  deepEqual(derive({ declaration, config: own }).grants, server);
  deepEqual(derive({ declaration, config: own, verb: "help" }).grants, server);
  deepEqual(derive({ declaration, config: own, verb: "status" }).grants, [
    { kind: "read", value: "/pki/root.pem", reason: "reads: [a].ca" },
  ]);
});
