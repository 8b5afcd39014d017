/** Data in the form for every type, known or not (RFC 3597 §5): `\# 4 0A000001`. */
import { fromHex, type Octets } from "../octets.ts";
import { upperHex } from "./binary.ts";
import { readNumber } from "./numbers.ts";
import type { Token, TokenReader } from "./tokens.ts";

/** Whether the form begins here. */
export function isGeneric(token: Token | undefined): boolean {
  return token !== undefined && !token.quoted && token.text === "\\#";
}

/** Reads the number of octets and as many in hexadecimal; spaces may stand between them. */
export function parseGeneric(tokens: TokenReader): Octets {
  tokens.next("\\#");
  const length = tokens.word("number of octets");
  const count = readNumber(length);
  if (count < 0 || count > 0xffff) throw tokens.wrong("number of octets", "is from 0 to 65535", length);
  const hex = tokens.left > 0 ? tokens.rest("octets") : "";
  const octets = fromHex(hex);
  if (octets === null) throw tokens.wrong("octets", "are hexadecimal, two digits each", hex);
  if (octets.length !== count) {
    throw tokens.fail(`${tokens.subject} says that it has ${count} octets and has ${octets.length}`);
  }
  return octets;
}

export function formatGeneric(data: Octets): string {
  return data === "" ? "\\# 0" : `\\# ${data.length} ${upperHex(data)}`;
}
