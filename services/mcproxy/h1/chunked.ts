/**
 * The chunked coding (RFC 9112 §7.1): a strict decoder and an encoder. Bodies
 * are decoded and encoded anew, so that a backend never sees a client's chunk
 * sizes, extensions or line ends.
 * @module
 */
import { HttpFault } from "../relay/fault.ts";
import { parseHead } from "./head.ts";

/** Chunk extensions carry nothing that anybody uses; they are dropped, and longer ones are an attack on our time. */
const maxExtensionBytes = 256;
/** All of the trailer section. */
const maxTrailerBytes = 8192;
const maxTrailers = 64;
/** 13 hexadecimal digits are below 2^52, exact as a number. */
const maxSizeDigits = 13;

type State = "size" | "extension" | "size_lf" | "data" | "data_cr" | "data_lf" | "trailer" | "trailer_lf" | "done";

/** Trailer fields in the order received. */
export interface Trailer {
  readonly name: string;
  readonly shown: string;
  readonly value: string;
}

/** Decodes one chunked body that arrives piecemeal. */
export class ChunkDecoder {
  /** True when the last chunk and the trailers are read. */
  done = false;
  /** Complete when `done`. */
  trailers: Trailer[] = [];
  #state: State = "size";
  #size = 0;
  #digits = 0;
  #extension = 0;
  #line = "";
  #trailerText = "";

  /**
   * Decodes `from` into `into`, which must hold at least as many bytes.
   * @returns how many bytes were read (fewer than all only when `done`) and how many data bytes were written at `at`
   * @throws HttpFault 400 for anything but the exact form
   */
  decode(from: Uint8Array, into: Uint8Array, at: number): { read: number; written: number } {
    let read = 0;
    let written = 0;
    while (read < from.length && this.#state !== "done") {
      if (this.#state === "data") {
        const count = Math.min(this.#size, from.length - read);
        into.set(from.subarray(read, read + count), at + written);
        read += count;
        written += count;
        this.#size -= count;
        if (this.#size === 0) this.#state = "data_cr";
      } else {
        this.#step(from[read++]!);
      }
    }
    return { read, written };
  }

  #step(byte: number): void {
    switch (this.#state) {
      case "size":
        return this.#sizeByte(byte);
      case "extension":
        if (byte === 13) this.#state = "size_lf";
        else if (++this.#extension > maxExtensionBytes) throw new HttpFault(400, "chunk extension too long");
        else if ((byte < 32 && byte !== 9) || byte === 127) {
          throw new HttpFault(400, "control character in a chunk line");
        }
        return;
      case "size_lf":
        if (byte !== 10) throw new HttpFault(400, "chunk size not followed by CRLF");
        this.#state = this.#size === 0 ? "trailer" : "data";
        this.#digits = 0;
        this.#extension = 0;
        return;
      case "data_cr":
      case "data_lf":
        if (byte !== (this.#state === "data_cr" ? 13 : 10)) throw new HttpFault(400, "chunk not followed by CRLF");
        this.#state = this.#state === "data_cr" ? "data_lf" : "size";
        return;
      default:
        return this.#trailerByte(byte);
    }
  }

  #sizeByte(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      if (++this.#digits > maxSizeDigits) throw new HttpFault(400, "chunk size too large");
      this.#size = this.#size * 16 + digit;
    } else if (this.#digits === 0) {
      throw new HttpFault(400, "chunk size is not hexadecimal");
    } else if (byte === 13) {
      this.#state = "size_lf";
    } else if (byte === 59) {
      this.#state = "extension";
    } else {
      // Blanks too: RFC 9112 §7.1.1 allows "bad white space" only for the sake of senders that nobody has seen lately.
      throw new HttpFault(400, "chunk size is not hexadecimal");
    }
  }

  #trailerByte(byte: number): void {
    if (this.#state === "trailer_lf") {
      if (byte !== 10) throw new HttpFault(400, "carriage return without line feed in the trailers");
      if (this.#line === "") return this.#finish();
      this.#trailerText += `\r\n${this.#line}`;
      this.#line = "";
      this.#state = "trailer";
    } else if (byte === 13) {
      this.#state = "trailer_lf";
    } else {
      if (byte === 10) throw new HttpFault(400, "line feed without carriage return");
      if (this.#trailerText.length + this.#line.length >= maxTrailerBytes) {
        throw new HttpFault(431, `trailers larger than ${maxTrailerBytes} bytes`);
      }
      this.#line += String.fromCharCode(byte);
    }
  }

  #finish(): void {
    this.#state = "done";
    this.done = true;
    if (this.#trailerText === "") return;
    const { names, shown, values } = parseHead(this.#trailerText);
    if (names.length > maxTrailers) throw new HttpFault(431, `more than ${maxTrailers} trailers`);
    this.trailers = names.map((name, index) => ({ name, shown: shown[index]!, value: values[index]! }));
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** Room that {@linkcode frameChunk} needs before the data (eight digits and CRLF) and after it (CRLF). */
export const chunkPrefixBytes = 10;
export const chunkSuffixBytes = 2;

/**
 * Puts the chunk framing around data that lies in `buffer` at `chunkPrefixBytes`.
 * @returns the view to send; empty for no data, since a chunk of size 0 would end the body
 */
export function frameChunk(buffer: Uint8Array, dataBytes: number): Uint8Array {
  if (dataBytes === 0) return buffer.subarray(0, 0);
  const size = dataBytes.toString(16);
  const start = chunkPrefixBytes - 2 - size.length;
  for (let index = 0; index < size.length; index++) buffer[start + index] = size.charCodeAt(index);
  buffer[chunkPrefixBytes - 2] = 13;
  buffer[chunkPrefixBytes - 1] = 10;
  const end = chunkPrefixBytes + dataBytes;
  buffer[end] = 13;
  buffer[end + 1] = 10;
  return buffer.subarray(start, end + 2);
}

/** The last chunk with trailers, as text of Latin-1 characters. */
export function lastChunk(trailers: readonly Trailer[]): string {
  let text = "0\r\n";
  for (const { shown, value } of trailers) text += `${shown}: ${value}\r\n`;
  return `${text}\r\n`;
}
