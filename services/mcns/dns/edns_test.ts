/** What EDNS adds to queries and replies: versions, cookies, identity, keep-alive, padding, extended errors. */
import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { answersUnderTest, type From } from "../testing/answers_under_test.ts";
import { query, type QueryOptions, show } from "../testing/dig_notation.ts";
import { viewsOf, zoneOf } from "../testing/zone_text.ts";
import { DomainName } from "../domain/name.ts";
import { Zone } from "../domain/zone.ts";
import { ednsOptions } from "./codes.ts";
import { Cookies } from "./cookies.ts";
import { readMessage } from "./message.ts";

const { COOKIE, KEEPALIVE, NSID, PADDING } = ednsOptions;
const clientCookie = "0102030405060708";
const cookies = new Cookies([new Uint8Array(16)], new FakeClock());
const zone = zoneOf("example.org", ["www A 192.0.2.1"]);
const empty = new Zone(DomainName.parse("loading.example", "zone"));
const ask = answersUnderTest({ views: viewsOf(zone, empty), cookies, nsid: "ns1", idleMs: 10_000 });

/** The first line of the reply. */
const first = (question: string, options: QueryOptions = {}, from?: From): string =>
  ask(question, { edns: 1232, ...options }, from).split("\n")[0]!;

Deno.test("Answers puts into the OPT record what the client asks for", () => {
  const tcp: From = { transport: "tcp" }, tls: From = { transport: "tls" }, https: From = { transport: "https" };
  for (
    const [options, from, want, remark] of [
      [[], undefined, "", "nothing"],
      [[[NSID, ""]], undefined, " nsid=6e7331", "RFC 5001"],
      [[[COOKIE, clientCookie]], undefined, " cookie", "RFC 7873"],
      [[[COOKIE, clientCookie], [NSID, ""]], undefined, " nsid=6e7331 cookie", ""],
      [[[KEEPALIVE, ""]], tcp, " keepalive=100", "10 s in units of 100 ms (RFC 7828)"],
      [[[KEEPALIVE, ""]], tls, " keepalive=100 padding=", "RFC 7858 too"],
      [[[KEEPALIVE, ""]], undefined, "", "not over UDP"],
      [[], https, " padding=", "RFC 8467"],
      [[[PADDING, "0000"]], undefined, "", "in the open it would hide nothing"],
      [[[65_001, "ffff"]], undefined, "", "an option that nobody knows is ignored"],
    ] as const
  ) {
    const line = first("www.example.org A", { options }, from).replace(/padding=\d+/, "padding=");
    assert.equal(line, `NOERROR qr aa rd edns=1232${want}`, remark);
  }
});

Deno.test("Answers pads replies over TLS to a multiple of 468 octets, within the largest message", () => {
  for (const name of ["www.example.org A", "nope.example.org A", `${"a".repeat(60)}.example.org TXT`]) {
    const reply = ask.reply(query(name, { edns: 1232 }), { transport: "tls" })!;
    assert.equal(reply.length % 468, 0, name);
  }
});

Deno.test("Answers refuses options that are malformed, and EDNS versions above 0", () => {
  for (
    const [options, want] of [
      [[[COOKIE, "01020304050607"]], "FORMERR qr rd"],
      [[[COOKIE, clientCookie + "00"]], "FORMERR qr rd"],
      [[[COOKIE, clientCookie + "00".repeat(33)]], "FORMERR qr rd"],
      [[[COOKIE, clientCookie + "00".repeat(32)]], "NOERROR qr aa rd edns=1232 cookie"],
    ] as const
  ) assert.equal(first("www.example.org A", { options }), want);
  const packet = query("www.example.org A", { edns: 1232, options: [[COOKIE, clientCookie]] });
  packet[packet.length - 4 - 8 - 5] = 1; // the version, before flags, length and the option
  assert.equal(show(ask.reply(packet)!).split("\n")[0], "BADVERS qr rd edns=1232 cookie");
});

Deno.test("Answers gives the cookie alone to a query without a question (RFC 7873 §5.4)", () => {
  const opt = (options: string) => "00002904d000000000" + (options.length / 2).toString(16).padStart(4, "0") + options;
  const header = "123401000000000000000001";
  const reply = (hex: string) => show(ask.reply(Uint8Array.fromHex(header + hex))!);
  assert.equal(reply(opt("000a0008" + clientCookie)), "NOERROR qr rd edns=1232 cookie");
  assert.equal(reply(opt("")), "FORMERR qr rd");
});

Deno.test("Answers says beyond the rcode why there is no answer (RFC 8914)", () => {
  for (
    const [question, options, want, remark] of [
      ["elsewhere.net A", {}, "REFUSED qr rd edns=1232 ede=20", "no zone of ours"],
      ["www.example.org AXFR", {}, "REFUSED qr rd edns=1232 ede=18", "no transfers"],
      ["www.loading.example A", {}, "SERVFAIL qr rd edns=1232 ede=14", "a zone without content yet"],
    ] as const
  ) assert.equal(first(question, options), want, remark);
  const text = readMessage(ask.reply(query("elsewhere.net A", { edns: 1232 }))!)!.edns!.options[0]!.data;
  assert.equal(new TextDecoder().decode(text.subarray(2)), "no zone here has this name");
});

Deno.test("Answers refuses classes other than IN, and says nothing of its version", () => {
  for (
    const [question, value, want] of [
      ["version.bind TXT", 3, "REFUSED qr rd"],
      ["hostname.bind TXT", 3, "REFUSED qr rd"],
      ["id.server TXT", 3, "REFUSED qr rd"],
      ["www.example.org A", 255, "REFUSED qr rd"],
      ["www.example.org A", 254, "REFUSED qr rd"],
      ["www.example.org A", 4, "REFUSED qr rd"],
    ] as const
  ) assert.equal(ask(question, { class: value }).split("\n")[0], want, `${question} class ${value}`);
});
