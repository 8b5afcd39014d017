/** What holds back replies that could hit somebody who never asked. */
import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { answersUnderTest, type From } from "../testing/answers_under_test.ts";
import { query, type QueryOptions, show } from "../testing/dig_notation.ts";
import { viewsOf, zoneOf } from "../testing/zone_text.ts";
import { ClientNetworks } from "./client_networks.ts";
import { ednsOptions } from "./codes.ts";
import { Cookies } from "./cookies.ts";
import { readMessage } from "./message.ts";
import { RateLimit } from "./rate_limit.ts";

const clientCookie = "0102030405060708";
const clock = new FakeClock();
const options = {
  views: viewsOf(
    zoneOf("example.org", [
      "www A 192.0.2.1",
      ...Array.from({ length: 20 }, (_, i) => `many A 192.0.2.${i}`),
      "sub NS ns.example.net.",
    ]),
  ),
  cookies: new Cookies([new Uint8Array(16)], clock),
  forwardFor: new ClientNetworks(["10.0.0.0/8"]),
};
const withCookie = (hex: string): QueryOptions => ({ edns: 1232, options: [[ednsOptions.COOKIE, hex]] });

/** The cookie in a reply. */
function cookieOf(reply: Uint8Array): string {
  return readMessage(reply)!.edns!.options.find(({ code }) => code === ednsOptions.COOKIE)!.data.toHex();
}

Deno.test("Answers over UDP is at most so many times the query for a client that may be forged", () => {
  const ask = answersUnderTest({ ...options, amplificationLimit: 4 });
  const first = (given: QueryOptions, from?: From) => ask("many.example.org A", given, from).split("\n")[0];
  assert.equal(first({}), "NOERROR qr aa tc rd", "to TCP");
  assert.equal(first({ edns: 1232 }), "NOERROR qr aa tc rd edns=1232", "to TCP");
  assert.equal(first(withCookie(clientCookie)), "BADCOOKIE qr rd edns=1232 cookie", "to a query with this cookie");
  const cookie = cookieOf(ask.reply(query("www.example.org A", withCookie(clientCookie)))!);
  assert.equal(first(withCookie(cookie)), "NOERROR qr aa rd edns=1232 cookie", "not forged");
  assert.equal(first(withCookie(cookie), { address: "192.0.2.2" }), "BADCOOKIE qr rd edns=1232 cookie", "not its own");
  assert.equal(first({}, { transport: "tcp" }), "NOERROR qr aa rd");
  assert.equal(first({}, { address: "10.1.2.3" }), "NOERROR qr aa rd", "a known network");
  assert.equal(first({}, { address: "::ffff:10.1.2.3" }), "NOERROR qr aa rd", "the same over an IPv6 socket");
  assert.equal(ask("www.example.org A").split("\n")[0], "NOERROR qr aa rd", "short enough");
  assert.equal(ask.counters.amplificationLimited, 4);
});

Deno.test("Answers over the rate limit go out truncated or not at all, unless the client shows our cookie", () => {
  const ask = answersUnderTest({ ...options, rateLimit: new RateLimit(1, clock) });
  const next = (question: string, given?: QueryOptions, from?: From) => ask(question, given, from).split("\n")[0];
  const replies = (question: string, count: number, given?: QueryOptions, from?: From) =>
    Array.from({ length: count }, () => next(question, given, from));
  const aa = "NOERROR qr aa rd", tc = "NOERROR qr aa tc rd";
  assert.deepEqual(replies("www.example.org A", 5), [aa, aa, tc, "no reply", tc]);
  assert.equal(next("many.example.org A"), aa, "another name");
  assert.equal(next("www.example.org A", {}, { address: "192.0.3.1" }), aa, "another network");
  assert.equal(next("www.example.org A", {}, { address: "192.0.2.200" }), "no reply", "the same /24");
  assert.equal(next("www.example.org A", {}, { transport: "tcp" }), aa);
  assert.equal(next("www.example.org A", {}, { address: "10.0.0.1" }), aa, "a known network");
  assert.equal(next("www.example.org A", withCookie(clientCookie)), "BADCOOKIE qr rd edns=1232 cookie");
  const cookie = cookieOf(ask.reply(query("www.example.org A", withCookie(clientCookie)))!);
  assert.equal(next("www.example.org A", withCookie(cookie)), "NOERROR qr aa rd edns=1232 cookie");
  // Denials and referrals count by zone, errors all together: random names make no difference.
  const names = ["a", "b", "c"];
  assert.deepEqual(names.map((name) => next(`${name}.example.org A`)).map((line) => line?.split(" ")[3]), [
    "rd",
    "rd",
    "tc",
  ]);
  assert.deepEqual(names.map((name) => next(`${name}.sub.example.org A`)), [
    "NOERROR qr rd",
    "NOERROR qr rd",
    "NOERROR qr tc rd",
  ]);
  assert.deepEqual(names.map((name) => next(`${name}.net A`)), ["REFUSED qr rd", "REFUSED qr rd", "REFUSED qr tc rd"]);
  assert.equal(ask.counters.refused, 3, "each counted once");
  clock.advance(1000);
  assert.equal(next("www.example.org A"), aa);
});

Deno.test("Answers hands transfers, NOTIFY, UPDATE and signed messages on, with a packet of their own", async () => {
  const handed: string[] = [];
  const ask = answersUnderTest({
    ...options,
    special: {
      handle: (packet, { type, opcode, hasTsig }, _client, plain) => {
        handed.push(`${opcode} ${type} ${hasTsig}`);
        if (type === 251) return null;
        return hasTsig ? plain(query("www.example.org A")) : Promise.resolve(packet.slice(0, 3));
      },
    },
  });
  const tsig = (question: string) => {
    const packet = query(question);
    packet[11] = 1;
    // A record of type 250, class ANY, TTL 0, without data.
    return Uint8Array.from([...packet, 0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 0]);
  };
  assert.deepEqual(await ask.raw(query("example.org AXFR")), Uint8Array.of(0x12, 0x34, 1));
  assert.equal((await ask.raw(query("example.org SOA", { opcode: 5 })) as Uint8Array).length, 3);
  assert.equal(ask("example.org IXFR").split("\n")[0], "REFUSED qr rd", "not for it");
  const signed = await ask.raw(tsig("example.org SOA"));
  assert.equal(show(signed as Uint8Array), "NOERROR qr aa rd\n;www.example.org A\nwww.example.org 300 A 192.0.2.1");
  assert.deepEqual(handed, ["0 252 false", "5 6 false", "0 251 false", "0 6 true"]);
  assert.equal(ask("www.example.org A").split("\n")[0], "NOERROR qr aa rd");
  assert.equal(handed.length, 4, "a plain query isn't");
});
