import assert from "node:assert/strict";
import { DomainName } from "../../domain/name.ts";
import { query, recordText } from "../../testing/dig_notation.ts";
import { replyTo, type Script } from "../../testing/scripted_upstream.ts";
import { types } from "../codes.ts";
import { readMessage } from "../message.ts";
import { readQuery } from "../query.ts";
import { type Question, type Resolution, resolutionOf } from "./upstream_reply.ts";

function resolve(text: string, script: Script, dnssecOk = false): Resolution | null {
  const [name = "", type = ""] = text.split(" ");
  const question: Question = {
    key: DomainName.parse(name, "name").key,
    type: types[type as keyof typeof types],
    dnssecOk,
    checkingDisabled: false,
  };
  return resolutionOf(question, readMessage(replyTo(readQuery(query(text))!, script))!, 300);
}

Deno.test("resolutionOf keeps the chain from the question and nothing else", () => {
  const resolution = resolve("www.x.net A", {
    answers: [
      "www.x.net 600 CNAME a.x.net",
      "a.x.net 200 CNAME b.y.org",
      "b.y.org 100 A 192.0.2.1",
      "bank.example 9999 A 192.0.2.66", // nobody asked
    ],
    authorities: ["y.org 300 NS evil.y.org", "com 300 NS evil.y.org"],
  });
  assert.deepEqual(resolution?.answers.map(recordText), [
    "www.x.net 300 CNAME a.x.net", // at most 300 s
    "a.x.net 200 CNAME b.y.org",
    "b.y.org 100 A 192.0.2.1",
  ]);
  assert.deepEqual(resolution?.authorities, []);
  assert.equal(resolution?.ttlSeconds, 100);
});

Deno.test("resolutionOf finds the chain in any order, and its end in a loop", () => {
  const mixed = resolve("www.x.net A", {
    answers: ["b.x.net 100 A 192.0.2.1", "a.x.net 200 CNAME b.x.net", "www.x.net 300 CNAME a.x.net"],
  });
  assert.deepEqual([mixed?.answers.length, mixed?.ttlSeconds], [3, 100]);
  const loop = resolve("a.x.net A", { answers: ["a.x.net 100 CNAME b.x.net", "b.x.net 100 CNAME a.x.net"] });
  assert.deepEqual([loop?.answers.length, loop?.ttlSeconds], [2, 0]);
});

Deno.test("resolutionOf keeps a negative for what its SOA says, and not without one", () => {
  for (
    const [script, seconds, remark] of [
      [{ rcode: "NXDOMAIN", authorities: ["x.net 120 SOA 60"] }, 60, "SOA minimum"],
      [{ rcode: "NXDOMAIN", authorities: ["x.net 30 SOA 60"] }, 30, "SOA TTL"],
      [{ rcode: "NXDOMAIN", authorities: ["x.net 9999 SOA 9999"] }, 300, "the maximum"],
      [{ authorities: ["x.net 120 SOA 60"] }, 60, "NODATA"],
      [{ answers: ["www.x.net 20 CNAME a.x.net"], authorities: ["x.net 120 SOA 60"] }, 20, "NODATA behind an alias"],
      [{ rcode: "NXDOMAIN" }, 0, "no SOA"],
      [{ rcode: "NXDOMAIN", authorities: ["y.net 120 SOA 60"] }, 0, "another zone's SOA"],
      [{}, 0, "nothing at all"],
      [{ answers: ["www.x.net 0 A 192.0.2.1"] }, 0, "an answer with TTL 0"],
    ] as [Script, number, string][]
  ) assert.equal(resolve("www.x.net A", script)?.ttlSeconds, seconds, remark);
});

Deno.test("resolutionOf takes SERVFAIL and REFUSED for no answer", () => {
  for (const rcode of ["SERVFAIL", "REFUSED", "FORMERR", "NOTIMP"] as const) {
    assert.equal(resolve("www.x.net A", { rcode }), null);
  }
});
