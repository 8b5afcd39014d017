/**
 * Frames as octets, right or wrong, for a peer that is played by a test. Written without the library's own writer and
 * encoder, so that a mistake there can't hide itself.
 * @module
 */
import { frameTypes } from "../frame.ts";

export interface FrameOptions {
  /** END_STREAM. */
  end?: boolean;
  /** HEADERS or CONTINUATION without END_HEADERS. */
  more?: boolean;
  /** Octets of padding; the flag is set when given. */
  pad?: number;
  /** Priority fields of HEADERS. */
  priority?: boolean;
  /** More flags. */
  flags?: number;
}

/** Any frame. @param length what its header says, where that isn't the payload's */
export function frame(
  type: number,
  flags: number,
  id: number,
  payload: Uint8Array,
  length = payload.length,
): Uint8Array {
  const bytes = new Uint8Array(9 + payload.length);
  bytes.set([length >>> 16, length >>> 8, length, type, flags, id >>> 24, id >>> 16, id >>> 8, id]);
  bytes.set(payload, 9);
  return bytes;
}

/** Octets by their hexadecimal digits; blanks are nothing. */
export function hex(digits: string): Uint8Array {
  return Uint8Array.from(digits.replaceAll(" ", "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

export function text(characters: string): Uint8Array {
  return Uint8Array.from(characters, (character) => character.charCodeAt(0));
}

export function join(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A field block of literals that touch no table (RFC 7541 §6.2.2), from "name: value" lines; ":method: GET" works. */
export function block(...lines: string[]): Uint8Array {
  return join(...lines.map((line) => {
    const colon = line.indexOf(":", 1);
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).replace(/^ /, "");
    return join(Uint8Array.of(0), string(name), string(value));
  }));
}

function string(value: string): Uint8Array {
  const length: number[] = [];
  let rest = value.length;
  if (rest < 127) length.push(rest);
  else {
    length.push(127);
    for (rest -= 127; rest >= 128; rest >>>= 7) length.push(rest & 127 | 128);
    length.push(rest);
  }
  return join(Uint8Array.from(length), text(value));
}

function padded(content: Uint8Array, pad: number | undefined): Uint8Array {
  return pad === undefined ? content : join(Uint8Array.of(pad), content, new Uint8Array(pad));
}

export function data(id: number, content: string | Uint8Array = "", options: FrameOptions = {}): Uint8Array {
  const bytes = typeof content === "string" ? text(content) : content;
  const flags = (options.end ? 1 : 0) | (options.pad === undefined ? 0 : 8) | (options.flags ?? 0);
  return frame(frameTypes.data, flags, id, padded(bytes, options.pad));
}

export function headers(id: number, lines: string[] | Uint8Array, options: FrameOptions = {}): Uint8Array {
  const fields = lines instanceof Uint8Array ? lines : block(...lines);
  const flags = (options.end ? 1 : 0) | (options.more ? 0 : 4) | (options.pad === undefined ? 0 : 8) |
    (options.priority ? 0x20 : 0) | (options.flags ?? 0);
  const content = options.priority ? join(hex("0000000010"), fields) : fields;
  return frame(frameTypes.headers, flags, id, padded(content, options.pad));
}

export function continuation(id: number, lines: string[] | Uint8Array, options: FrameOptions = {}): Uint8Array {
  const fields = lines instanceof Uint8Array ? lines : block(...lines);
  return frame(frameTypes.continuation, options.more ? 0 : 4, id, fields);
}

export function settings(...pairs: [id: number, value: number][]): Uint8Array {
  const payload = join(...pairs.map(([id, value]) => join(Uint8Array.of(id >>> 8, id), uint32(value))));
  return frame(frameTypes.settings, 0, 0, payload);
}

export const settingsAck: Uint8Array = frame(frameTypes.settings, 1, 0, new Uint8Array(0));

export function ping(opaque = "pingping", ack = false): Uint8Array {
  return frame(frameTypes.ping, ack ? 1 : 0, 0, text(opaque));
}

export function rst(id: number, code = 8): Uint8Array {
  return frame(frameTypes.rstStream, 0, id, uint32(code));
}

export function windowUpdate(id: number, increment: number): Uint8Array {
  return frame(frameTypes.windowUpdate, 0, id, uint32(increment));
}

export function goAway(last: number, code = 0, debug = ""): Uint8Array {
  return frame(frameTypes.goAway, 0, 0, join(uint32(last), uint32(code), text(debug)));
}

export function priority(id: number, payload = hex("0000000010")): Uint8Array {
  return frame(frameTypes.priority, 0, id, payload);
}

/** The client's preface (RFC 9113 §3.4). */
export const preface: Uint8Array = text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
