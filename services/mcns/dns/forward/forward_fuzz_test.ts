/** Mutated replies of upstreams: bounded in number, the same on every run. A failure names the reply. */
import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { seeded } from "@lib/testing/mod.ts";
import { DomainName } from "../../domain/name.ts";
import { query } from "../../testing/dig_notation.ts";
import { mutate } from "../../testing/mutate.ts";
import { replyTo, type Script } from "../../testing/scripted_upstream.ts";
import { headerOctets } from "../codes.ts";
import { readMessage } from "../message.ts";
import { readQuery } from "../query.ts";
import { Forwarder } from "./forwarder.ts";
import type { Channel } from "./channel.ts";
import { Upstream } from "./upstream.ts";
import { buildQuery, judge } from "./upstream_query.ts";
import type { Question } from "./upstream_reply.ts";

const mutations = 20_000;

const scripts: [string, Script][] = [
  ["www.example.net A", { answers: ["www.example.net 60 A 192.0.2.1", "www.example.net 60 A 192.0.2.2"] }],
  ["web.example.net A", {
    answers: ["web.example.net 60 CNAME www.example.net", "www.example.net 30 A 192.0.2.1"],
    authorities: ["example.net 60 NS ns.example.net"],
  }],
  ["no.example.net MX", { rcode: "NXDOMAIN", authorities: ["example.net 600 SOA 300"] }],
  ["example.net MX", { answers: ["example.net 60 MX 10 mail.example.net", "example.net 60 MX 20 mx.example.org"] }],
  ["x.d.example.net TXT", {
    answers: [
      "d.example.net 60 DNAME e.example.net",
      "x.d.example.net 60 CNAME x.e.example.net",
      'x.e.example.net 60 TXT "a" "b"',
    ],
  }],
];

Deno.test("Forwarder takes or leaves 20,000 mutated replies, and its cache stays within its bytes", async () => {
  const pick = seeded(3);
  const clock = new FakeClock();
  let seed: [string, Script] = scripts[0]!;
  let last = new Uint8Array(0);
  let believed = 0;
  const channel: Channel = {
    isBusy: false,
    ask({ question }) {
      const asked = buildQuery(question);
      const whole = replyTo(readQuery(asked.packet)!, seed[1]);
      last = mutate(whole, pick, headerOctets + question.key.length + 4);
      const verdict = judge(asked, last);
      if (verdict.kind === "foreign") return Promise.resolve(null);
      believed++;
      return Promise.resolve(verdict.message);
    },
    onPlainOnly: () => {},
    close: () => Promise.resolve(),
  };
  const cacheBytes = 20_000;
  const forwarder = new Forwarder({
    upstreams: [new Upstream("fuzz", channel, clock)],
    cacheBytes,
    maxTtlSeconds: 300,
    staleSeconds: 600,
    prefetchHits: 2,
    timeoutMs: 1000,
    deadlineMs: 1000,
    clock,
    log: silentLogger,
  });
  const out = new Uint8Array(65_535);
  let hits = 0;
  for (let i = 0; i < mutations; i++) {
    seed = scripts[i % scripts.length]!;
    const [name = "", type = ""] = seed[0].split(" ");
    const packet = query(`n${pick(50)}.${name} ${type}`.slice(pick(2) * 3));
    const { key, type: number } = readQuery(packet)!;
    const question: Question = { key, type: number, dnssecOk: pick(4) === 0, checkingDisabled: false };
    const found = forwarder.cached(question);
    if (found === undefined) {
      const resolution = await forwarder.resolve(question);
      assert.ok(resolution === null || resolution.answers.every(({ ttlSeconds }) => ttlSeconds <= 300), last.toHex());
    } else {
      hits++;
      // What the cache has is a well-formed reply, however it came there.
      out.set(packet);
      out[2]! |= 0x80;
      out[7] = found.answers;
      out[9] = found.authorities;
      found.writeTo(out, packet.length);
      const reply = readMessage(out.subarray(0, packet.length + found.octets));
      assert.ok(reply !== null, out.subarray(0, packet.length + found.octets).toHex());
      assert.equal(found.resolution.answers.length, reply.answers.length);
    }
    assert.ok(forwarder.cacheStats.bytes <= cacheBytes);
    clock.advance(pick(3000));
  }
  await forwarder.close();
  assert.ok(believed > mutations / 10 && hits > mutations / 50, `${believed} believed, ${hits} hits`);
});

Deno.test("judge never throws, and takes no reply whose question was mutated for ours", () => {
  const pick = seeded(4);
  const key = DomainName.parse("www.example.net", "name").key;
  let replies = 0;
  for (let i = 0; i < mutations; i++) {
    const asked = buildQuery({ key, type: 1, dnssecOk: false, checkingDisabled: false });
    const whole = replyTo(readQuery(asked.packet)!, scripts[0]![1]);
    const packet = mutate(whole, pick);
    const verdict = judge(asked, packet.slice());
    if (verdict.kind === "foreign") continue;
    replies++;
    if (verdict.kind === "case_lost") continue;
    assert.deepEqual(packet.subarray(0, 2), whole.subarray(0, 2));
    assert.deepEqual(
      packet.subarray(headerOctets, headerOctets + key.length + 4),
      whole.subarray(headerOctets, headerOctets + key.length + 4),
    );
  }
  assert.ok(replies > mutations / 20, `${replies} replies`);
});
