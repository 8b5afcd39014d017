/**
 * PEM text (RFC 7468): strict labels, bounded size, nothing executable.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";

/** Longest PEM text that is read: a chain of four RSA-4096 certificates takes about 10 KB. */
export const maxPemBytes = 64 * 1024;

/** One block of PEM text. */
export interface PemBlock {
  /** `CERTIFICATE`, `PRIVATE KEY`, … */
  label: string;
  der: Uint8Array<ArrayBuffer>;
}

const block = /-----BEGIN ([A-Z0-9 ]{1,64})-----([A-Za-z0-9+/=\s]*)-----END ([A-Z0-9 ]{1,64})-----/g;

/**
 * All blocks in order; text between them is ignored, as RFC 7468 §5.2 allows.
 * @param field how the caller named this input, for errors
 * @throws invalid when longer than `maxPemBytes`, when labels don't pair up or the base64 is broken
 */
export function readPem(text: string, field = "pem"): PemBlock[] {
  if (text.length > maxPemBytes) {
    throw invalid(field, `PEM text is longer than ${maxPemBytes} bytes: ${text.length}`);
  }
  const blocks: PemBlock[] = [];
  for (const [, begin, body, end] of text.matchAll(block)) {
    if (begin === undefined || begin !== end) {
      throw invalid(field, `PEM block begins as ${quote(begin)} and ends as ${quote(end)}`);
    }
    try {
      blocks.push({ label: begin, der: Uint8Array.fromBase64((body ?? "").replace(/\s+/g, "")) });
    } catch (cause) {
      throw invalid(field, `PEM block ${quote(begin)} is not valid base64`, { cause });
    }
  }
  return blocks;
}

/**
 * The only block of one label.
 * @throws invalid when there is none, or more than one of it
 */
export function readOnePem(text: string, label: string, field = "pem"): Uint8Array<ArrayBuffer> {
  const found = readPem(text, field).filter((each) => each.label === label);
  const [first] = found;
  if (first === undefined) throw invalid(field, `no PEM block "-----BEGIN ${label}-----" in it`);
  if (found.length > 1) throw invalid(field, `${found.length} PEM blocks ${quote(label)}; exactly one is expected`);
  return first.der;
}

/** PEM text with 64-column lines and a newline at its end. */
export function writePem(label: string, der: Uint8Array | ArrayBuffer): string {
  const bytes = der instanceof Uint8Array ? der : new Uint8Array(der);
  const lines = bytes.toBase64().match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
