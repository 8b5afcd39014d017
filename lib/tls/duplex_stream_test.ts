import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { DuplexStream } from "./duplex_stream.ts";

/** A node stream in the hands of a test: what it is asked to write waits for `taken`. */
class Played extends Duplex {
  readonly written: number[] = [];
  readonly #taken: (() => void)[] = [];

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.written.push(chunk.length);
    this.#taken.push(done);
  }

  taken(): void {
    this.#taken.shift()?.();
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("DuplexStream hands over what has come, then the end", async () => {
  const duplex = new Played();
  const stream = new DuplexStream(duplex);
  const first = stream.read();
  duplex.push(new Uint8Array(3));
  assert.equal((await first)?.length, 3);
  duplex.push(new Uint8Array(2));
  duplex.push(null);
  await turn();
  stream.unread(new Uint8Array(1));
  assert.deepEqual([(await stream.read())?.length, (await stream.read())?.length], [1, 2]);
  assert.equal(await stream.read(), null);
  assert.equal(stream.bytesRead, 5);
  stream.destroy();
  assert.equal(stream.closed, true);
});

Deno.test("DuplexStream holds the node stream back while nobody reads", async () => {
  const duplex = new Played();
  const stream = new DuplexStream(duplex);
  for (let i = 0; i < 5; i++) duplex.push(new Uint8Array(16 * 1024));
  await turn();
  assert.equal(duplex.isPaused(), true);
  for (let i = 0; i < 5; i++) await stream.read();
  assert.equal(duplex.isPaused(), false);
  stream.destroy();
});

Deno.test("DuplexStream.write settles when the node stream has taken the bytes, and rejects when it breaks", async () => {
  const duplex = new Played();
  const stream = new DuplexStream(duplex);
  let settled = false;
  const written = stream.write(new Uint8Array(7)).then(() => settled = true);
  await turn();
  assert.equal(settled, false);
  duplex.taken();
  await written;
  assert.deepEqual([duplex.written, stream.bytesWritten], [[7], 7]);
  const lost = assert.rejects(stream.write(new Uint8Array(1)), /broken/);
  const reading = assert.rejects(Promise.resolve(stream.read()), /broken/);
  duplex.destroy(new Error("broken"));
  await Promise.all([lost, reading]);
  await stream.endWrite();
});
