/**
 * Splits a zone file (RFC 1035 §5.1) into entries: the words of one record or directive, over several lines where
 * parentheses say so, comments left out. Reads each character once, whatever the text is.
 */
import { quote } from "@lib/errors/mod.ts";
import { type Token, tokenEnd } from "../rdata/tokens.ts";

/** Characters of one entry: 65,535 octets of data, all written as `\DDD`, take a quarter of that. */
export const maxEntryCharacters = 1_048_576;

export interface Entry {
  /** Where it begins, from 1. */
  readonly line: number;
  /** It begins with white space, so it has the owner of the one before. */
  readonly startsBlank: boolean;
  /** At least one. */
  readonly tokens: readonly Token[];
}

const newline = 0x0a, carriageReturn = 0x0d, tab = 0x09, space = 0x20;
const quotationMark = 0x22, semicolon = 0x3b, openParenthesis = 0x28, closeParenthesis = 0x29;

const isSpace = (code: number): boolean => code === space || code === tab || code === carriageReturn;

const endsWord = (code: number): boolean =>
  isSpace(code) || code === newline || code === quotationMark || code === semicolon ||
  code === openParenthesis || code === closeParenthesis;

/**
 * The entries of the text, one after the other.
 * @param fail makes the error of a message about a line
 */
export function* readEntries(text: string, fail: (line: number, message: string) => Error): Generator<Entry> {
  let line = 1, depth = 0, lastEnd = -1;
  let entryLine = 1, entryAt = 0, startsBlank = false, atLineStart = true;
  let tokens: Token[] = [];
  const first = text.charCodeAt(0) === 0xfeff ? 1 : 0; // byte order mark
  for (let at = first; at < text.length;) {
    const code = text.charCodeAt(at);
    if (atLineStart && depth === 0) {
      [entryLine, entryAt, startsBlank] = [line, at, isSpace(code)];
    }
    atLineStart = false;
    if (code === newline) {
      at++;
      line++;
      if (depth > 0) continue;
      atLineStart = true;
      if (tokens.length > 0) yield { line: entryLine, startsBlank, tokens };
      tokens = [];
    } else if (isSpace(code)) at++;
    else if (code === semicolon) {
      const end = text.indexOf("\n", at);
      at = end < 0 ? text.length : end;
    } else if (code === openParenthesis) {
      depth++;
      at++;
    } else if (code === closeParenthesis) {
      if (--depth < 0) throw fail(line, 'there is a ")" without a "(" before it');
      at++;
    } else {
      const end = tokenEnd(text, at, endsWord);
      const quoted = code === quotationMark;
      const word = quoted ? text.slice(at + 1, end - 1) : text.slice(at, end);
      if (end < 0 || (quoted && word.includes("\n"))) {
        throw fail(line, `the quotation mark before ${quote(text.slice(at + 1, at + 20))} has no partner in its line`);
      }
      if (end - entryAt > maxEntryCharacters) {
        throw fail(entryLine, `one record has at most ${maxEntryCharacters} characters; is a ")" missing?`);
      }
      tokens.push({ text: word, quoted, adjacent: at === lastEnd });
      at = lastEnd = end;
    }
  }
  if (depth > 0) throw fail(entryLine, 'there is a "(" without a ")" after it');
  if (tokens.length > 0) yield { line: entryLine, startsBlank, tokens };
}
