import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { DomainName } from "../../domain/name.ts";
import { type TsigAlgorithm, tsigAlgorithms, type TsigKey } from "../../domain/tsig_key.ts";
import { opcodes, types } from "../codes.ts";
import { MessageWriter } from "./message_writer.ts";
import { type RawMessage, readRawMessage } from "./raw_message.ts";
import {
  ReplySigner,
  ReplyVerifier,
  signatureOctets,
  signError,
  signRequest,
  tsigErrors,
  unsigned,
  verifyRequest,
} from "./tsig.ts";

const keyOf = (name: string, algorithm: TsigAlgorithm = "hmac-sha256", secret = 7): TsigKey => ({
  name: DomainName.parse(name, "name").key,
  algorithm,
  secret: new Uint8Array(32).fill(secret),
});
const holding = (...keys: TsigKey[]) => ({ find: (name: string) => keys.find((key) => key.name === name) });

function message(id = 4711, isReply = false): Uint8Array {
  const writer = new MessageWriter();
  const { key } = DomainName.parse("www.example.org", "name");
  writer.start({ id, opcode: opcodes.QUERY, isReply }, { key, type: types.A, class: 1 });
  if (isReply) writer.add(0, { owner: key, type: types.A, ttlSeconds: 60, data: "\xc0\0\x02\x01" });
  return writer.finish();
}

function read(packet: Uint8Array): RawMessage {
  const raw = readRawMessage(packet);
  assert.ok(raw !== null, "the message can be read");
  return raw;
}

Deno.test("verifyRequest accepts what signRequest makes, for every algorithm", () => {
  const clock = new FakeClock();
  for (const algorithm of tsigAlgorithms) {
    const key = keyOf("k.example", algorithm);
    const { packet } = signRequest(message(), key, clock);
    assert.equal(packet.length, message().length + signatureOctets(key), algorithm);
    const raw = read(packet);
    assert.equal(verifyRequest(raw, holding(key), clock).kind, "signed", algorithm);
    assert.deepEqual(unsigned(packet, raw.tsig!), message(), algorithm);
  }
  assert.equal(verifyRequest(read(message()), holding(), clock).kind, "unsigned");
});

Deno.test("signRequest makes the MAC of RFC 8945 §4.3", () => {
  // Worked out apart from this code: HMAC-SHA256 by the 32 octets 0x07 over the message and the TSIG variables.
  const { packet, mac } = signRequest(message(), keyOf("k.example"), new FakeClock(Date.UTC(2026, 0, 1)));
  const raw = read(packet);
  assert.equal(raw.tsig!.timeSigned, 1767225600);
  assert.equal(raw.tsig!.fudge, 300);
  assert.equal(raw.tsig!.originalId, 4711);
  assert.equal(mac.length, 32);
  assert.equal(hex(mac), "481e60a96fe8b38dc86ba27a7be11574c7192c4b71d4d75c9d181b0fccc0c442");
});

Deno.test("verifyRequest says what is wrong, in the order of RFC 8945 §5.2", () => {
  const clock = new FakeClock();
  const key = keyOf("k.example");
  const good = signRequest(message(), key, clock).packet;
  const later = new FakeClock(clock.now() + 301_000), soon = new FakeClock(clock.now() + 300_000);
  const changed = (at: number) => good.map((octet, i) => i === at ? octet ^ 1 : octet);
  const shortened = (octets: number) => {
    // The MAC's length, the MAC, and the record's length; a shorter MAC is as good as its beginning.
    const { start } = read(good).tsig!;
    const dataLengthAt = start + key.name.length + 8;
    const macLengthAt = dataLengthAt + 2 + 13 + 8;
    const cut = Uint8Array.of(...good.subarray(0, macLengthAt + 2 + octets), ...good.subarray(macLengthAt + 2 + 32));
    cut[macLengthAt + 1] = octets;
    cut[dataLengthAt + 1]! -= 32 - octets;
    return cut;
  };
  for (
    const [title, packet, keys, at, want] of [
      ["good", good, holding(key), clock, "signed"],
      ["within the fudge", good, holding(key), soon, "signed"],
      ["unknown key", good, holding(), clock, "BADKEY"],
      ["other algorithm", good, holding(keyOf("k.example", "hmac-sha512")), clock, "BADKEY"],
      ["other secret", good, holding(keyOf("k.example", "hmac-sha256", 8)), clock, "BADSIG"],
      ["other question", changed(14), holding(key), clock, "BADSIG"],
      // The id of the message may be changed by a forwarder: the signed one is in the record.
      ["other id", changed(0), holding(key), clock, "signed"],
      ["too late", good, holding(key), later, "BADTIME"],
      ["wrong and too late", changed(14), holding(key), later, "BADSIG"],
      ["half a MAC", shortened(16), holding(key), clock, "BADTRUNC"],
      ["half a MAC, too late", shortened(16), holding(key), later, "BADTIME"],
      ["less than half", shortened(15), holding(key), clock, "malformed"],
      ["no MAC", shortened(0), holding(key), clock, "malformed"],
    ] as const
  ) {
    const verdict = verifyRequest(read(packet), keys, at);
    const got = verdict.kind !== "refused"
      ? verdict.kind
      : Object.entries(tsigErrors).find(([, code]) => code === verdict.error)![0];
    assert.equal(got, want, title);
    if (verdict.kind === "refused") {
      // Signed only to who has shown to have the key (§5.3.2).
      assert.equal(verdict.key !== null, want === "BADTIME" || want === "BADTRUNC", title);
    }
  }
});

Deno.test("readRawMessage wants the signature to be the last record", () => {
  const { packet } = signRequest(message(), keyOf("k.example"), new FakeClock());
  const twice = signRequest(packet, keyOf("k.example"), new FakeClock()).packet;
  assert.equal(readRawMessage(twice), null);
  // One octet short, and one too many.
  assert.equal(readRawMessage(packet.subarray(0, -1)), null);
  assert.equal(readRawMessage(Uint8Array.of(...packet, 0)), null);
});

Deno.test("ReplySigner and ReplyVerifier agree on one reply and on streams", () => {
  const clock = new FakeClock();
  const key = keyOf("k.example", "hmac-sha512");
  for (const count of [1, 2, 5]) {
    const { packet, mac } = signRequest(message(), key, clock);
    const signer = new ReplySigner(key, read(packet).tsig!, clock);
    const verifier = new ReplyVerifier(key, mac, clock);
    for (let i = 0; i < count; i++) {
      clock.advance(1000);
      assert.equal(verifier.take(read(signer.sign(message(4711, true)))), null, `message ${i} of ${count}`);
    }
    assert.equal(verifier.end(), null);
  }
});

Deno.test("ReplyVerifier finds replies left out, moved, changed or not signed", () => {
  const clock = new FakeClock();
  const key = keyOf("k.example");
  const { packet, mac } = signRequest(message(), key, clock);
  const signer = new ReplySigner(key, read(packet).tsig!, clock);
  const [one, two, three] = [1, 2, 3].map(() => signer.sign(message(4711, true))) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const plain = message(4711, true);
  const outcome = (...packets: Uint8Array[]) => {
    const verifier = new ReplyVerifier(key, mac, clock);
    for (const packet of packets) {
      const problem = verifier.take(read(packet));
      if (problem !== null) return problem;
    }
    return verifier.end();
  };
  assert.equal(outcome(one, two, three), null);
  assert.equal(outcome(one, three), "the signature by key k.example is wrong");
  assert.equal(outcome(two, one), "the signature by key k.example is wrong");
  assert.equal(
    outcome(one, two.map((octet, i) => i === 14 ? octet ^ 1 : octet)),
    "the signature by key k.example is wrong",
  );
  assert.equal(outcome(plain), "the reply is not signed by key k.example");
  assert.equal(outcome(one, plain), "the last message is not signed");
  // The signature after an unsigned message has to cover it.
  assert.equal(outcome(one, plain, two), "the signature by key k.example is wrong");
  assert.equal(
    outcome(one, ...Array.from({ length: 100 }, () => plain)),
    "more than 99 messages in a row are not signed",
  );
  const other = keyOf("other.example");
  const foreign = signRequest(message(4711, true), other, clock).packet;
  assert.equal(outcome(foreign), "the reply is signed by key other.example, not by k.example");
});

Deno.test("signError tells the time to whose clock is wrong, signed", () => {
  const clock = new FakeClock();
  const key = keyOf("k.example");
  const { packet, mac } = signRequest(message(), key, new FakeClock(clock.now() - 1_000_000));
  const verdict = verifyRequest(read(packet), holding(key), clock);
  assert.ok(verdict.kind === "refused");
  const reply = read(signError(message(4711, true), verdict, clock));
  assert.equal(reply.tsig!.error, tsigErrors.BADTIME);
  assert.equal(reply.tsig!.timeSigned, clock.now() / 1000 - 1000);
  assert.equal(reply.tsig!.mac.length, 32);
  assert.equal(hex(reply.tsig!.other), (clock.now() / 1000).toString(16).padStart(12, "0"));
  assert.match(new ReplyVerifier(key, mac, clock).take(reply)!, /its clock differs/);
});

const hex = (octets: Uint8Array) => [...octets].map((octet) => octet.toString(16).padStart(2, "0")).join("");
