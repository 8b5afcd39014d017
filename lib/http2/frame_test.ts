import { deepEqual, equal, throws } from "node:assert/strict";
import { ConnectionError, errorCodeName, errorCodes } from "./errors.ts";
import { clientPreface, flags, type Frame, frameContent, frameTypes, readUint31, readUint32 } from "./frame.ts";
import { FrameReader } from "./frame_reader.ts";
import { FrameWriter } from "./frame_writer.ts";

const bytes = (hex: string) => Uint8Array.fromHex(hex.replaceAll(" ", ""));

/** Frames as text: "type flags stream payload", the payload in hex; copied, as views go with the next feed. */
function readAll(reader: FrameReader, input: Uint8Array, size: number): string[] {
  const seen: string[] = [];
  for (let at = 0; at < input.length; at += size) {
    // Each chunk is destroyed once it is used up, as a transport's buffer would be.
    const chunk = input.slice(at, at + size);
    const frames: Frame[] = [];
    reader.feed(chunk);
    for (let frame = reader.next(); frame !== null; frame = reader.next()) frames.push(frame);
    seen.push(...frames.map((one) => `${one.type} ${one.flags} ${one.streamId} ${one.payload.toHex()}`));
    chunk.fill(0xee);
  }
  return seen;
}

function sample(): Uint8Array {
  const writer = new FrameWriter();
  writer.settings([[3, 100], [4, 262_144]]);
  writer.settingsAck();
  writer.headers(1, bytes("828684"), true);
  writer.data(3, new Uint8Array(2000).map((_, at) => at), false);
  writer.data(3, new Uint8Array(0), true);
  writer.ping(true, bytes("0102030405060708"));
  writer.windowUpdate(0, 0x7fffffff);
  writer.rstStream(5, 8);
  writer.goAway(7, 11, "calm");
  return writer.take().slice();
}

Deno.test("FrameWriter writes each type as RFC 9113 §6 has it", () => {
  const rows: [write: (to: FrameWriter) => void, hex: string][] = [
    [(to) => to.data(1, bytes("aabb"), true), "000002 00 01 00000001 aabb"],
    [(to) => to.data(1, bytes(""), false), "000000 00 00 00000001"],
    [(to) => to.headers(3, bytes("82"), false), "000001 01 04 00000003 82"],
    [(to) => to.headers(3, bytes("82"), true), "000001 01 05 00000003 82"],
    [(to) => to.rstStream(0x7fffffff, 2 ** 32 - 1), "000004 03 00 7fffffff ffffffff"],
    [(to) => to.settings([[1, 0], [5, 65_536]]), "00000c 04 00 00000000 0001 00000000 0005 00010000"],
    [(to) => to.settings([]), "000000 04 00 00000000"],
    [(to) => to.settingsAck(), "000000 04 01 00000000"],
    [(to) => to.ping(false, bytes("0102030405060708")), "000008 06 00 00000000 0102030405060708"],
    [(to) => to.goAway(0x7fffffff, 0, "ok"), "00000a 07 00 00000000 7fffffff 00000000 6f6b"],
    [(to) => to.windowUpdate(9, 1), "000004 08 00 00000009 00000001"],
  ];
  for (const [write, hex] of rows) {
    const writer = new FrameWriter();
    write(writer);
    equal(writer.pending, bytes(hex).length);
    equal(writer.take().toHex(), bytes(hex).toHex());
    equal(writer.pending, 0);
  }
});

Deno.test("FrameWriter splits what is above the peer's frame size", () => {
  const writer = new FrameWriter();
  const all = new Uint8Array(40_000).map((_, at) => at * 7);
  for (const write of ["data", "headers"] as const) {
    writer[write](1, all, true);
    const reader = new FrameReader();
    reader.feed(writer.take());
    const parts: Uint8Array[] = [];
    const shapes: number[][] = [];
    for (let frame = reader.next(); frame !== null; frame = reader.next()) {
      shapes.push([frame.type, frame.flags, frame.payload.length]);
      parts.push(frame.payload.slice());
    }
    deepEqual(
      shapes,
      write === "data"
        ? [[0, 0, 16_384], [0, 0, 16_384], [0, flags.endStream, 7232]]
        : [[1, flags.endStream, 16_384], [9, 0, 16_384], [9, flags.endHeaders, 7232]],
    );
    deepEqual(new Uint8Array(parts.flatMap((part) => [...part])), all);
  }
});

Deno.test("FrameWriter.take gives a view that stands until the next take", () => {
  const writer = new FrameWriter();
  writer.ping(false, bytes("0000000000000001"));
  const first = writer.take();
  const before = first.toHex();
  for (let count = 0; count < 500; count++) writer.ping(true, bytes("ffffffffffffffff"));
  equal(first.toHex(), before);
  equal(writer.take().length, 500 * 17);
  equal(writer.take().length, 0);
});

Deno.test("FrameReader gives the same frames wherever the chunks are cut", () => {
  const input = sample();
  const whole = readAll(new FrameReader(), input, input.length);
  equal(whole.length, 9);
  for (const size of [1, 2, 3, 7, 8, 9, 10, 64, 1000, 1999, 2009, 2100]) {
    const reader = new FrameReader();
    deepEqual(readAll(reader, input, size), whole, `${size} octets`);
    equal(reader.idle, true);
  }
});

Deno.test("FrameReader gives views of the chunk for frames that lie whole in it", () => {
  const input = bytes("000003 00 00 00000001 010203 000001 00");
  const reader = new FrameReader();
  reader.feed(input);
  equal(reader.next()!.payload.buffer, input.buffer);
  equal(reader.next(), null);
  equal(reader.idle, false);
  reader.feed(bytes("01 00000001 ff"));
  equal(reader.next()!.payload.toHex(), "ff");
});

Deno.test("FrameReader refuses a frame above the limit by its header alone", () => {
  const reader = new FrameReader();
  reader.feed(bytes("004000 00 00 00000001"));
  equal(reader.next(), null);
  for (const size of [1, 9]) {
    throws(
      () => readAll(new FrameReader(), bytes("004001 00 00 00000001"), size),
      (error) =>
        error instanceof ConnectionError && error.code === errorCodes.frameSizeError &&
        error.message === "frame of 16385 octets, the limit is 16384",
    );
  }
});

Deno.test("FrameReader ignores the reserved bit of stream identifiers", () => {
  const reader = new FrameReader();
  reader.feed(bytes("000000 00 00 80000001"));
  equal(reader.next()!.streamId, 1);
});

Deno.test("FrameReader.feed says that frames were left", () => {
  const reader = new FrameReader();
  reader.feed(bytes("000000 00 00 00000001"));
  throws(() => reader.feed(bytes("00")), /before all frames were taken/);
});

Deno.test("frameContent strips padding and priority, and refuses padding that leaves no room", () => {
  const { data, headers } = frameTypes;
  const rows: [type: number, flags: number, payload: string, content: string | number][] = [
    [data, 0, "aabb", "aabb"],
    [data, flags.padded, "00 aabb", "aabb"],
    [data, flags.padded, "02 aabb 0000", "aabb"],
    [data, flags.padded, "01 00", ""],
    // Flag 0x20 means nothing on DATA.
    [data, flags.priority, "aabb", "aabb"],
    [headers, flags.priority, "00000000ff 82", "82"],
    [headers, flags.priority | flags.padded, "01 00000000ff 82 00", "82"],
    [data, flags.padded, "02 00", errorCodes.protocolError],
    [headers, flags.priority | flags.padded, "01 00000000ff", errorCodes.protocolError],
    [data, flags.padded, "", errorCodes.frameSizeError],
    [headers, flags.priority, "00000000", errorCodes.frameSizeError],
  ];
  for (const [type, flagBits, hex, content] of rows) {
    const frame = { type, flags: flagBits, streamId: 1, payload: bytes(hex) };
    if (typeof content === "string") equal(frameContent(frame).toHex(), content);
    else throws(() => frameContent(frame), (error) => error instanceof ConnectionError && error.code === content);
  }
});

Deno.test("readUint32 and readUint31 read octets with the first bit set", () => {
  equal(readUint32(bytes("ffffffff"), 0), 4_294_967_295);
  equal(readUint31(bytes("00ffffffff"), 1), 2_147_483_647);
});

Deno.test("clientPreface is RFC 9113 §3.4's, errorCodeName §7's", () => {
  equal(clientPreface.toHex(), "505249202a20485454502f322e300d0a0d0a534d0d0a0d0a");
  equal(errorCodeName(errorCodes.http11Required), "HTTP_1_1_REQUIRED");
  equal(errorCodeName(errorCodes.enhanceYourCalm), "ENHANCE_YOUR_CALM");
  equal(errorCodeName(0x1f), "0x1f");
});
