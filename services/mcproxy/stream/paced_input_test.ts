import assert from "node:assert/strict";
import type { ByteStream } from "./byte_stream.ts";
import { PacedInput } from "./paced_input.ts";

/** Has these chunks at hand, then ends. */
function streamOf(...chunks: Uint8Array[]): ByteStream {
  return {
    closed: false,
    bytesRead: 0,
    bytesWritten: 0,
    read: () => chunks.shift() ?? null,
    unread() {},
    write: () => Promise.resolve(),
    endWrite: () => Promise.resolve(),
    destroy() {},
  };
}

/** Reads all; `handle` is given each portion. @returns how many portions had to be waited for */
async function drain(input: PacedInput, handle: (portion: Uint8Array) => void): Promise<number> {
  for (let waits = 0;;) {
    const next = input.read();
    if (next instanceof Promise) waits++;
    const portion = await next;
    if (portion === null) return waits;
    handle(portion);
  }
}

function busy(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}

Deno.test("PacedInput cuts input that takes long to handle, and lets others have their turn", async () => {
  const chunks = [new Uint8Array(16_384).fill(1), new Uint8Array(5000).fill(2)];
  const lengths: number[] = [];
  let octets = 0;
  let turns = 0;
  const counting = setInterval(() => turns++, 0);
  const waits = await drain(new PacedInput(streamOf(...chunks)), (portion) => {
    lengths.push(portion.length);
    octets += portion.reduce((sum, octet) => sum + octet, 0);
    busy(3);
  });
  clearInterval(counting);
  assert.deepEqual(lengths, [4096, 4096, 4096, 4096, 4096, 904]);
  assert.equal(octets, 16_384 + 10_000);
  assert.ok(waits >= 5 && turns >= 1, `${waits} waits, ${turns} turns of others`);
});

Deno.test("PacedInput hands on whole what is handled in no time", async () => {
  const lengths: number[] = [];
  const chunks = Array.from({ length: 5 }, () => new Uint8Array(16_384));
  await drain(new PacedInput(streamOf(...chunks)), (portion) => lengths.push(portion.length));
  assert.equal(lengths[0], 4096);
  assert.equal(lengths.reduce((sum, length) => sum + length, 0), 5 * 16_384);
  assert.ok(lengths.length <= 8, `${lengths}`);
});
