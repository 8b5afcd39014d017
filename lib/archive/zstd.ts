/**
 * Zstandard (RFC 8878) as a sequence of frames of at most 2 MiB of content each,
 * which `zstd -d` and `tar --zstd` read like any other.
 *
 * Frame by frame, because Deno's streaming decoder takes a cut-off frame for a
 * whole one and ends the process, past every error handler, when bytes follow a
 * frame that are none. Here the frame's own structure is walked first: cut-off
 * and foreign bytes are found before the decoder sees them, and its output is
 * bounded per frame.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { invalid, messageOf, tooLarge } from "@lib/errors/mod.ts";
import { ByteReader } from "./byte_reader.ts";

/** Content per frame. Level 3 looks back 2 MiB at most, so larger frames would hardly be smaller in sum. */
const frameBytes = 2 * 1024 * 1024;
/** A frame of another writer may hold the whole archive; it is held in memory once, compressed. */
const maxFrameBytes = 256 * 1024 * 1024;
/** What one frame may decompress to: ours give 2 MiB; the rest is for a bundle that another program wrote as one frame. */
const maxFrameContentBytes = 512 * 1024 * 1024;
const magic = 0xfd2fb528;

/** Compresses; the same bytes give the same result, whatever their division into chunks. */
export async function* zstdCompress(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(chunks);
  const frame = new Uint8Array(frameBytes);
  try {
    for (let filled = 0, ended = false; !ended;) {
      const part = await reader.some(frameBytes - filled);
      if (part !== null) {
        frame.set(part, filled);
        filled += part.length;
      }
      ended = part === null;
      if (filled === frameBytes || (ended && filled > 0)) {
        yield compressFrame(frame.subarray(0, filled));
        filled = 0;
      }
    }
  } finally {
    await reader.close();
  }
}

function compressFrame(content: Uint8Array): Uint8Array {
  return zstdCompressSync(content, {
    params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 },
  });
}

/**
 * Decompresses.
 * @param maxBytes of the whole output
 * @throws PlatformError invalid for what is cut off, damaged or not zstd; too_large beyond `maxBytes`
 */
export async function* zstdDecompress(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(chunks);
  let left = maxBytes;
  try {
    while (!(await reader.atEnd())) {
      const content = decompressFrame(await readFrame(reader), left, maxBytes);
      left -= content.length;
      yield content;
    }
  } finally {
    await reader.close();
  }
}

function decompressFrame(frame: Uint8Array, left: number, maxBytes: number): Uint8Array {
  try {
    // 0 means no limit to node:zlib, so an exhausted budget still asks for one byte at most.
    const content = zstdDecompressSync(frame, { maxOutputLength: Math.min(Math.max(left, 1), maxFrameContentBytes) });
    if (content.length > left) throw tooLarge("The decompressed archive", maxBytes);
    return content;
  } catch (cause) {
    if ((cause as { code?: string }).code === "ERR_BUFFER_TOO_LARGE") {
      throw tooLarge("The decompressed archive or a frame of it", Math.min(maxBytes, maxFrameContentBytes));
    }
    if (cause instanceof Error && cause.name === "PlatformError") throw cause;
    throw invalid("archive", `is damaged: ${messageOf(cause)}`, { cause });
  }
}

/** One whole frame, by its structure: RFC 8878 §3.1.1. */
async function readFrame(reader: ByteReader): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const read = async (count: number): Promise<Uint8Array> => {
    length += count;
    if (length > maxFrameBytes) throw tooLarge("A zstd frame of the archive", maxFrameBytes);
    const bytes = await reader.exactly(count, "a zstd frame");
    parts.push(bytes);
    return bytes;
  };

  const start = await read(5);
  if (new DataView(start.buffer as ArrayBuffer).getUint32(0, true) !== magic) {
    throw invalid("archive", "is not zstd (no frame where one should start)");
  }
  const descriptor = start[4]!;
  const singleSegment = (descriptor & 0x20) !== 0;
  const contentSizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  await read((singleSegment ? 0 : 1) + dictionaryBytes + contentSizeBytes);

  for (let last = false; !last;) {
    const [a, b, c] = await read(3) as unknown as [number, number, number];
    const head = a | (b << 8) | (c << 16);
    last = (head & 1) === 1;
    const type = (head >> 1) & 3;
    if (type === 3) throw invalid("archive", "is damaged: a zstd block of the reserved type");
    await read(type === 1 ? 1 : head >> 3); // type 1 repeats one byte
  }
  if ((descriptor & 4) !== 0) await read(4); // checksum

  const frame = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    frame.set(part, offset);
    offset += part.length;
  }
  return frame;
}
