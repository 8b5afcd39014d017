/** Mutated packets: bounded in number, the same on every run. A failure names the packet. */
import assert from "node:assert/strict";
import { silentLogger } from "@lib/log/mod.ts";
import { query } from "../testing/dig_notation.ts";
import { viewsOf, zoneOf } from "../testing/zone_text.ts";
import { Answers } from "./answer.ts";
import { ClientNetworks } from "./client_networks.ts";
import { Counters } from "./counters.ts";
import { readMessage } from "./message.ts";

const mutations = 100_000;

/** mulberry32: small, and the same everywhere. */
function random(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return Math.floor(((t ^ t >>> 14) >>> 0) / 2 ** 32 * below);
  };
}

/** One to eight changes: octets set, bits flipped, cut off, doubled, pointers sown. */
function mutate(packet: Uint8Array, pick: (below: number) => number): Uint8Array {
  let octets = [...packet];
  for (let left = 1 + pick(8); left > 0; left--) {
    const at = pick(Math.max(1, octets.length));
    switch (pick(6)) {
      case 0:
        octets[at] = pick(256);
        break;
      case 1:
        octets[at] = (octets[at] ?? 0) ^ 1 << pick(8);
        break;
      case 2:
        octets = octets.slice(0, at);
        break;
      case 3:
        octets.splice(at, 0, ...octets.slice(at, at + pick(20)));
        break;
      case 4:
        octets.splice(at, 2, 0xc0 | pick(2), pick(64));
        break;
      case 5:
        octets.push(...Array.from({ length: pick(12) }, () => pick(256)));
        break;
    }
  }
  return Uint8Array.from(octets);
}

const answers = new Answers({
  views: viewsOf(
    zoneOf("example.org", [
      "www A 192.0.2.1",
      "web CNAME www",
      "*.wild AAAA 2001:db8::1",
      "a.b CNAME x.net.",
    ]),
  ),
  forwarder: null,
  forwardFor: new ClientNetworks([]),
  counters: new Counters(),
  log: { ...silentLogger, error: (_, fields) => assert.fail(String(fields?.error)) },
});

Deno.test("Answers gives a well-formed reply or none to 100,000 mutated queries", () => {
  const pick = random(1);
  const seeds = [
    "www.example.org A",
    "web.example.org A",
    "x.wild.example.org AAAA",
    "nope.example.org TXT",
    "a.b.example.org A",
  ]
    .flatMap((text) => [query(text), query(text, { edns: 1232, dnssecOk: true })]);
  const out = new Uint8Array(65_535);
  let replies = 0;
  for (let i = 0; i < mutations; i++) {
    const packet = mutate(seeds[i % seeds.length]!, pick);
    const length = answers.answer(packet, { address: "127.0.0.1", port: 5353, transport: "udp" }, out);
    assert.ok(typeof length === "number");
    if (length === 0) continue;
    replies++;
    const reply = readMessage(out.subarray(0, length));
    assert.ok(reply !== null && reply.isReply && length <= 1232, packet.toHex());
    assert.equal(reply.id, packet[0]! << 8 | packet[1]!, packet.toHex());
  }
  // A fuzz that only ever gets dropped would prove nothing.
  assert.ok(replies > mutations / 2, `only ${replies} replies`);
});

Deno.test("readMessage reads or refuses 100,000 mutated replies", () => {
  const pick = random(2);
  const out = new Uint8Array(65_535);
  const seeds = ["www.example.org A", "web.example.org A", "nope.example.org A", "example.org NS"].map((text) => {
    const length = answers.answer(
      query(text, { edns: 1232 }),
      { address: "127.0.0.1", port: 5353, transport: "tcp" },
      out,
    );
    return out.slice(0, length as number);
  });
  let read = 0;
  for (let i = 0; i < mutations; i++) {
    if (readMessage(mutate(seeds[i % seeds.length]!, pick)) !== null) read++;
  }
  assert.ok(read > mutations / 20 && read < mutations, `${read} read`);
});
