import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { ServerStream } from "@lib/http2/mod.ts";
import { MessageBudget, MessageReader, prefixed } from "./message_reader.ts";

/** A request whose body comes in these chunks. */
function bodyOf(chunks: readonly Uint8Array[]): ServerStream {
  let at = 0;
  return { read: () => chunks[at++] ?? null } as unknown as ServerStream;
}

const message = Buffer.from(Uint8Array.from({ length: 100_000 }, (_, at) => at));
const nothing = new Uint8Array(0);

Deno.test("MessageReader.next puts messages together, wherever they are cut", async () => {
  const sent = Buffer.concat([prefixed(message), prefixed(nothing), prefixed(message)]);
  for (const size of [1, 4, 5, 6, 16_384, 100_004, sent.length]) {
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < sent.length; at += size) chunks.push(sent.subarray(at, at + size));
    const budget = new MessageBudget(message.length);
    const reader = new MessageReader(bodyOf(chunks), { maxBytes: message.length, budget });
    assert.ok(message.equals(await reader.next() ?? nothing));
    assert.equal((await reader.next())?.length, 0);
    assert.ok(message.equals(await reader.next() ?? nothing));
    assert.equal(await reader.next(), null);
    // All of it was given back.
    budget.take(message.length);
  }
});

Deno.test("MessageReader.next refuses a large message while unfinished ones hold the budget, and takes small ones", async () => {
  const budget = new MessageBudget(50_000);
  const limits = { maxBytes: 1 << 20, budget };
  const stalled = Promise.withResolvers<Uint8Array | null>();
  const half = [prefixed(message).subarray(0, 40_000)];
  const first = new MessageReader({ read: () => half.shift() ?? stalled.promise } as unknown as ServerStream, limits);
  const reading = first.next();
  const second = new MessageReader(bodyOf([prefixed(message)]), limits);
  await assert.rejects(second.next(), { name: "WireFault", shownAs: "rate_limited" });
  const small = new MessageReader(bodyOf([prefixed(message.subarray(0, 16_000))]), limits);
  assert.equal((await small.next())?.length, 16_000);
  stalled.resolve(null);
  await assert.rejects(reading, { name: "WireFault", shownAs: "invalid" });
  budget.take(50_000);
});
